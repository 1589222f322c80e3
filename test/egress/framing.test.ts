// Requests that two readers could read in two ways, and methods that are none of a sandbox's: each is refused with its own code and event.
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, onTestFinished, test } from "vitest";
import { useCoffer } from "../support/coffer.ts";
import {
  basicAuth,
  bearerFor,
  bindSecret,
  connectProxy,
  eventsOf,
  makeSandbox,
  openTunnel,
  sendRaw,
  useEgress,
} from "../support/egress.ts";
import { until } from "../support/poll.ts";

const host = "api.upstream.test";
const coffer = useCoffer();
const egress = useEgress(coffer, { hosts: [host] });

async function begin() {
  const sandbox = await makeSandbox(coffer);
  const bound = await bindSecret(coffer, sandbox, "a-value", bearerFor(host));
  const tunnel = await openTunnel(egress, sandbox, host);
  onTestFinished(() => void tunnel.destroy());
  return { sandbox, ...bound, tunnel, authority: `${host}:${egress.upstreamPort}` };
}

/** Returns the proxy's own answer, as soon as it is complete. */
async function refusalOf(socket: Socket, text: string): Promise<string> {
  let answer = "";
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.on("data", (chunk: Buffer) => {
    answer += chunk.toString("latin1");
    if (/\r\n\r\ncoffer: \w+\n$/.test(answer)) resolve();
  });
  socket.on("error", () => {});
  socket.on("close", resolve);
  socket.write(Buffer.from(text, "latin1"));
  const timer = setTimeout(resolve, 2_000);
  await promise;
  clearTimeout(timer);
  socket.destroy();
  return answer;
}

/** Lines of a request, the first one first. */
const head = (...lines: string[]) => `${lines.join("\r\n")}\r\n\r\n`;
const get = (...lines: string[]) => head("GET /p?q HTTP/1.1", ...lines);
const post = (...lines: string[]) => head("POST /p?q HTTP/1.1", ...lines);
const lastChunk = "0\r\n\r\n";

describe("a request that could be read in two ways", () => {
  const chunked = "Transfer-Encoding: chunked";
  test.each<[string, (a: string) => string]>([
    ["two hosts", (a) => get(`Host: ${a}`, `Host: ${a}`)],
    ["two hosts, one of them another", (a) => get(`Host: ${a}`, "Host: evil.test")],
    ["another host", () => get("Host: evil.test")],
    ["another port of the host", () => get(`Host: ${host}:22`)],
    ["a host without its port", () => get(`Host: ${host}`)],
    ["a user before the host", (a) => get(`Host: x@${a}`)],
    ["no host", () => head("GET /p HTTP/1.0")],
    ["an absolute form", (a) => head("GET https://evil.test/p HTTP/1.1", `Host: ${a}`)],
    ["an absolute form of the host itself", (a) => head(`GET https://${a}/p HTTP/1.1`, `Host: ${a}`)],
    ["an asterisk that is no OPTIONS", (a) => head("DELETE * HTTP/1.1", `Host: ${a}`)],
    ["a coding in HTTP/1.0", (a) => head("POST /p HTTP/1.0", `Host: ${a}`, chunked) + lastChunk],
    ["another coding", (a) => post(`Host: ${a}`, "Transfer-Encoding: gzip, chunked") + lastChunk],
    ["X-HTTP-Method-Override", (a) => post(`Host: ${a}`, "X-HTTP-Method-Override: DELETE")],
    ["X-HTTP-Method", (a) => post(`Host: ${a}`, "X-HTTP-Method: DELETE")],
    ["X-Method-Override", (a) => post(`Host: ${a}`, "X-Method-Override: DELETE")],
    ["an override in small letters", (a) => post(`Host: ${a}`, "x-http-method-override: delete")],
    ["an override in great letters", (a) => get(`Host: ${a}`, "X-HTTP-METHOD: PUT")],
    ["an override with low lines", (a) => post(`Host: ${a}`, "X_HTTP_Method_Override: DELETE")],
    ["an override with both lines", (a) => post(`Host: ${a}`, "X_Method-Override: DELETE")],
    ["an override of nothing", (a) => post(`Host: ${a}`, "X-HTTP-Method-Override:")],
    [
      "an override of this connection only",
      (a) => post(`Host: ${a}`, "X-HTTP-Method: PUT", "Connection: X-HTTP-Method"),
    ],
  ])("by %s is refused, and an event", async (_, text) => {
    const { sandbox, tunnel, authority } = await begin();
    const before = egress.seen.length;
    expect(await refusalOf(tunnel, text(authority))).toMatch(/^HTTP\/1\.1 400 .*Proxy-Reason: bad_request\r\n/s);
    expect(egress.seen).toHaveLength(before);
    expect(await eventsOf(coffer, sandbox)).toMatchObject([
      { secret_id: null, host, status: 400, upstream_status: null, error_code: "bad_request" },
    ]);
  });

  test.each<[string, (p: string) => string[]]>([
    ["its slot twice", (p) => [`Authorization: Bearer ${p}`, "Authorization: Bearer x"]],
    ["its slot twice, the other one first", (p) => ["authorization: Bearer x", `Authorization: Bearer ${p}`]],
    ["a slot for this connection only", (p) => [`Authorization: Bearer ${p}`, "Connection: authorization"]],
    [
      "a slot among those of this connection",
      (p) => [`Authorization: Bearer ${p}`, "Connection: close, AUTHORIZATION"],
    ],
  ])("by %s is refused, and an event of the secret", async (_, lines) => {
    const { sandbox, secretId, placeholder, tunnel, authority } = await begin();
    const before = egress.seen.length;
    const answer = await refusalOf(tunnel, get(`Host: ${authority}`, ...lines(placeholder)));
    expect(answer).toMatch(/^HTTP\/1\.1 400 .*Proxy-Reason: bad_request\r\n/s);
    expect(egress.seen).toHaveLength(before);
    expect(await eventsOf(coffer, sandbox)).toMatchObject([
      { secret_id: secretId, host, path: "/p", status: 400, upstream_status: null, error_code: "bad_request" },
    ]);
  });

  // Input that Node's parser refuses is not a request, so there is no event.
  test.each<[string, (a: string) => string]>([
    ["a coding twice", (a) => post(`Host: ${a}`, chunked, chunked) + lastChunk],
    ["a length beside a coding", (a) => post(`Host: ${a}`, "Content-Length: 5", chunked) + lastChunk],
    ["a coding before a length", (a) => post(`Host: ${a}`, chunked, "Content-Length: 5") + lastChunk],
    ["two lengths", (a) => `${post(`Host: ${a}`, "Content-Length: 5", "Content-Length: 6")}hello!`],
    ["a length that is no number", (a) => `${post(`Host: ${a}`, "Content-Length: +5")}hello`],
    ["a coding that only ends in chunked", (a) => post(`Host: ${a}`, "Transfer-Encoding: xchunked") + lastChunk],
    ["a folded header", (a) => get(`Host: ${a}`, "X-A: a", " b")],
    ["a NUL", (a) => get(`Host: ${a}`, "X-A: a\0b")],
    ["a bare line feed", (a) => get(`Host: ${a}`, "X-A: a\nX-B: b")],
    ["a space before a colon", (a) => get(`Host: ${a}`, "X-A : a")],
    ["no host in HTTP/1.1", () => get("X-A: a")],
    ["a method that is not known", (a) => head("TRACK /p HTTP/1.1", `Host: ${a}`)],
    ["another protocol", (a) => head("GET /p HTTP/9.9", `Host: ${a}`)],
  ])("by %s is refused by the parser, which closes the connection", async (_, text) => {
    const { sandbox, tunnel, authority } = await begin();
    const before = egress.seen.length;
    const start = performance.now();
    expect(await sendRaw(tunnel, text(authority), 3_000)).toMatch(/^HTTP\/1\.1 400 [^\r]*\r\nConnection: close\r\n/);
    expect(performance.now() - start).toBeLessThan(1_000);
    expect(egress.seen).toHaveLength(before);
    expect(await eventsOf(coffer, sandbox)).toEqual([]);
  });

  test("by a chunk without a length is refused by the parser, and the host never has the whole of it", async () => {
    const { sandbox, tunnel, authority } = await begin();
    const before = egress.seen.length;
    // The head is one, and has gone on when what is none follows it.
    tunnel.write(post(`Host: ${authority}`, chunked));
    await sleep(200);
    const answer = await sendRaw(tunnel, "x\r\n\r\n", 3_000);
    expect(answer).toMatch(/^HTTP\/1\.1 400 [^\r]*\r\nConnection: close\r\n/);
    expect(egress.seen).toHaveLength(before);
    await until("it is an event", async () => (await eventsOf(coffer, sandbox)).length > 0);
    expect(await eventsOf(coffer, sandbox)).toMatchObject([{ method: "POST", status: 499, upstream_status: null }]);
  });
});

describe("a method that leads elsewhere", () => {
  test.each<[string, (a: string) => string]>([
    ["TRACE", (a) => head("TRACE /p HTTP/1.1", `Host: ${a}`)],
    ["CONNECT", (a) => head(`CONNECT ${a} HTTP/1.1`, `Host: ${a}`)],
    ["CONNECT", (a) => head("CONNECT evil.test:443 HTTP/1.1", `Host: ${a}`)],
  ])("%s is refused within a tunnel, and an event", async (method, text) => {
    const { sandbox, tunnel, authority } = await begin();
    const before = egress.seen.length;
    expect(await refusalOf(tunnel, text(authority))).toMatch(/^HTTP\/1\.1 403 .*Proxy-Reason: method_not_allowed\r\n/s);
    expect(egress.seen).toHaveLength(before);
    expect(await eventsOf(coffer, sandbox)).toMatchObject([
      { method, host, status: 403, upstream_status: null, error_code: "method_not_allowed" },
    ]);
  });

  test.each(["TRACE /p", "POST /p"])("%s is refused in clear as within a tunnel", async (line) => {
    const { sandbox, authority } = await begin();
    const before = egress.seen.length;
    const [method = "", path = ""] = line.split(" ");
    const answer = await refusalOf(
      connectProxy(egress),
      head(
        `${method} http://${authority}${path} HTTP/1.1`,
        `Host: ${authority}`,
        `Proxy-Authorization: ${basicAuth(sandbox.token)}`,
        "X-HTTP-Method-Override: DELETE",
      ),
    );
    const code = method === "TRACE" ? "method_not_allowed" : "bad_request";
    expect(answer).toContain(`Proxy-Reason: ${code}\r\n`);
    expect(egress.seen).toHaveLength(before);
    expect(await eventsOf(coffer, sandbox)).toMatchObject([{ method, host, path, error_code: code }]);
  });
});

test.each([
  [
    "HTTP/1.0 with a coding",
    "POST /x HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  ],
  ["another coding", "POST /x HTTP/1.1\r\nHost: p\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"],
  ["a body", "GET /healthz HTTP/1.1\r\nHost: p\r\nContent-Length: 1\r\n\r\nx"],
])("a request to the proxy itself with %s is answered once, and the connection is closed", async (_, text) => {
  const startMs = performance.now();
  const answer = await sendRaw(connectProxy(egress), `${text}GET /healthz HTTP/1.1\r\nHost: p\r\n\r\n`, 5_000);
  expect(answer.match(/HTTP\/1\.1 \d/g)).toHaveLength(1);
  expect(performance.now() - startMs).toBeLessThan(3_000);
});
