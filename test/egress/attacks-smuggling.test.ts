// Requests that would be one to the proxy and two to a host: on a kept connection, the second one's answer would be somebody else's.
import type { RequestListener } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { useCoffer } from "../support/coffer.ts";
import { bearerFor, bindSecret, eventsOf, makeSandbox, openTunnel, sendRaw, useEgress } from "../support/egress.ts";
import { requestIn } from "../support/egress-request.ts";

const host = "api.upstream.test";
const coffer = useCoffer();
const seen: { method: string; url: string; body: string }[] = [];
const egress = useEgress(coffer, {
  hosts: [host],
  answer: ((request, response) => {
    const { method = "", url = "", socket } = request;
    let body = "";
    request.on("data", (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on("end", () => {
      seen.push({ method, url, body });
      if (url === "/unasked-101") {
        socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n");
        return;
      }
      setTimeout(() => response.end(`answer to ${url}`), url === "/smuggled" ? 300 : 0);
    });
  }) satisfies RequestListener,
});
const authority = () => `${host}:${egress.upstreamPort}`;

async function begin(rule = bearerFor(host)) {
  const sandbox = await makeSandbox(coffer);
  const { placeholder } = await bindSecret(coffer, sandbox, "an-upstream-credential", rule);
  seen.length = 0;
  return { sandbox, placeholder, tunnel: await openTunnel(egress, sandbox, host) };
}

test.each([["GET"], ["DELETE"], ["OPTIONS"], ["POST"]])(
  "the body of a %s whose length is for this connection only is no request, and nobody else has its answer",
  async (method) => {
    const { tunnel } = await begin();
    const second = `GET /smuggled HTTP/1.1\r\nHost: ${authority()}\r\n\r\n`;
    const head = `${method} /first HTTP/1.1\r\nHost: ${authority()}\r\nConnection: Content-Length\r\n`;
    tunnel.write(`${head}Content-Length: ${second.length}\r\n\r\n${second}`);
    await sleep(100);
    const victim = await openTunnel(egress, await sandboxWithRule(), host);
    const answer = await requestIn(victim, { host: authority(), path: "/victim" });
    expect(answer.body).toBe("answer to /victim");
    expect(seen.map(({ url }) => url)).not.toContain("/smuggled");
    expect(await sendRaw(tunnel, "", 200)).not.toContain("HTTP/1.1 200");
    victim.destroy();
  },
);

async function sandboxWithRule() {
  const sandbox = await makeSandbox(coffer);
  await bindSecret(coffer, sandbox, "a-victims-credential", bearerFor(host));
  return sandbox;
}

test.each([["host"], ["transfer-encoding"], ["Keep-Alive, CONTENT-LENGTH"]])(
  "what says where a request goes or ends is not for one connection only: %s",
  async (named) => {
    const { sandbox, tunnel } = await begin();
    const head = `POST / HTTP/1.1\r\nHost: ${authority()}\r\nConnection: ${named}\r\nTransfer-Encoding: chunked\r\n`;
    expect(await sendRaw(tunnel, `${head}\r\n0\r\n\r\n`, 500)).toContain("bad_request");
    expect(seen).toEqual([]);
    expect(await eventsOf(coffer, sandbox)).toMatchObject([{ error_code: "bad_request" }]);
  },
);

test.each([
  ["GET", { "content-length": "4" }, "body"],
  ["DELETE", { "transfer-encoding": "chunked" }, "body"],
  ["PUT", { "content-length": "4" }, "body"],
  ["POST", { "content-length": "0" }, ""],
  ["POST", {}, ""],
])("a %s with %j and its body is one request", async (method, headers, body) => {
  const { tunnel } = await begin();
  const answer = await requestIn(tunnel, { host: authority(), method, headers: { ...headers }, body });
  expect(answer.status).toBe(200);
  expect(seen).toMatchObject([{ method, body }]);
  tunnel.destroy();
});

test.each([["X-Original-URL"], ["X-Rewrite-URL"]])(
  "another path than that which was judged is refused: %s",
  async (name) => {
    const limits = { methods: [], pathPrefixes: ["/mine"] };
    const { placeholder, tunnel } = await begin({ ...bearerFor(host), limits });
    const headers = { authorization: `Bearer ${placeholder}`, [name]: "/yours" };
    expect(await requestIn(tunnel, { host: authority(), path: "/mine", headers })).toMatchObject({
      status: 400,
      reason: "bad_request",
    });
    expect(seen).toEqual([]);
    tunnel.destroy();
  },
);

test("a host that switches protocols unasked has failed, at once", async () => {
  const { sandbox, tunnel } = await begin();
  const startMs = performance.now();
  expect(await requestIn(tunnel, { host: authority(), path: "/unasked-101" })).toMatchObject({
    status: 502,
    reason: "upstream_unreachable",
  });
  expect(performance.now() - startMs).toBeLessThan(2_000);
  expect(await eventsOf(coffer, sandbox)).toMatchObject([{ error_code: "upstream_unreachable" }]);
  tunnel.destroy();
});
