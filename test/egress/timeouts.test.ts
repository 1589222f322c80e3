// Hosts and sandboxes that stop: before an answer it is said, after it has begun it breaks off, and the event says why.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { type IncomingMessage, request as openRequest } from "node:http";
import { connect, createServer, type Server, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { useCoffer } from "../support/coffer.ts";
import { bearerFor, bindSecret, eventsOf, makeSandbox, openTunnel, sendRaw, useEgress } from "../support/egress.ts";
import { requestIn } from "../support/egress-request.ts";
import { until } from "../support/poll.ts";

const host = "api.upstream.test";
const silentHost = "silent.upstream.test";
const fullHost = "full.upstream.test";
const idleMs = 400;
const requestMs = 900;
const coffer = useCoffer();
const egress = useEgress(coffer, {
  hosts: [host, silentHost, fullHost],
  env: { COFFER_EGRESS_ALLOW_PRIVATE: "127.0.0.0/8" },
  timeouts: { dialMs: 400, idleMs, requestMs },
  answer: (request, response) => {
    request.resume();
    if (request.url === "/stall") response.write("begun\n");
    if (request.url === "/break") {
      response.writeHead(200, { "content-length": "100" });
      response.write("begun\n");
      setTimeout(() => request.socket.destroy(), 50);
    }
    if (request.url === "/drip") {
      const timer = setInterval(() => response.write(".\n"), 100);
      response.on("close", () => clearInterval(timer));
    }
  },
});
const authority = (name = host) => `${name}:${egress.upstreamPort}`;

async function begin(name = host) {
  const sandbox = await makeSandbox(coffer);
  const { placeholder, secretId } = await bindSecret(coffer, sandbox, "a-value", bearerFor(name));
  const tunnel = await openTunnel(egress, sandbox, name);
  onTestFinished(() => void tunnel.destroy());
  return { sandbox, secretId, tunnel, headers: { authorization: `Bearer ${placeholder}` } };
}

describe("a host that is not connected in time", () => {
  let silent: Server;
  beforeAll(async () => {
    // Takes connections, and says nothing: no TLS begins.
    silent = createServer((socket) => socket.resume());
    silent.listen(egress.upstreamPort, "127.0.0.3");
    await once(silent, "listening");
    egress.dns.answers.set(silentHost, [["127.0.0.3"]]);
    egress.dns.answers.set(fullHost, [["127.0.0.4"]]);
  });
  afterAll(() => void silent.close());

  async function expectTimeout(name: string) {
    const { sandbox, secretId, tunnel, headers } = await begin(name);
    const start = performance.now();
    const answer = await requestIn(tunnel, { host: authority(name), headers });
    expect(answer).toMatchObject({ status: 504, reason: "upstream_timeout" });
    expect(performance.now() - start).toBeGreaterThan(350);
    const code = { secret_id: secretId, status: 504, upstream_status: null, error_code: "upstream_timeout" };
    expect(await eventsOf(coffer, sandbox)).toMatchObject([code]);
  }

  test("since it never answers a TLS handshake, is a time-out and an event", () => expectTimeout(silentHost));

  test("since it takes no connection, is a time-out and an event", async () => {
    const script = `require("net").createServer().listen({ port: ${egress.upstreamPort}, host: "127.0.0.4", backlog: 1 },
      () => console.log("listening"))`;
    const child = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] });
    onTestFinished(() => void child.kill("SIGKILL"));
    await once(child.stdout, "data");
    child.kill("SIGSTOP");
    const fillers: Socket[] = [];
    onTestFinished(() => fillers.forEach((socket) => void socket.destroy()));
    // Until its queue is full, and a connection is not even begun.
    await until("it takes no more", async () => {
      const socket = connect(egress.upstreamPort, "127.0.0.4");
      fillers.push(socket);
      socket.on("error", () => {});
      return Promise.race([once(socket, "connect").then(() => false), sleep(200).then(() => true)]);
    });
    await expectTimeout(fullHost);
  });

  test("for a WebSocket, is a time-out and an event, too", async () => {
    const { sandbox, secretId, tunnel, headers } = await begin(silentHost);
    const refused = await sendRaw(
      tunnel,
      `GET / HTTP/1.1\r\nHost: ${authority(silentHost)}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        `Authorization: ${headers.authorization}\r\n\r\n`,
    );
    expect(refused).toMatch(/^HTTP\/1\.1 504 .*Proxy-Reason: upstream_timeout\r\n/s);
    expect(await eventsOf(coffer, sandbox)).toMatchObject([
      { secret_id: secretId, status: 504, upstream_status: null, error_code: "upstream_timeout" },
    ]);
  });
});

describe("an answer that has begun", () => {
  test.each([
    ["/stall", "the host stops in its middle", "upstream_timeout", idleMs],
    ["/drip", "it takes longer than any may", "upstream_timeout", requestMs],
    ["/break", "the host breaks it off", "upstream_unreachable", 0],
  ])("breaks off when %s: %s", async (path, _, code, atLeastMs) => {
    const { sandbox, tunnel, headers } = await begin();
    const start = performance.now();
    const request = openRequest({
      ...{ createConnection: () => tunnel, path },
      headers: { host: authority(), ...headers },
    });
    request.end();
    const [response] = (await once(request, "response")) as [IncomingMessage];
    expect(response.statusCode).toBe(200);
    let received = 0;
    response.on("data", (chunk: Buffer) => {
      received += chunk.byteLength;
    });
    const [error] = await once(response, "error");
    expect(error).toMatchObject({ code: "ECONNRESET" });
    const tookMs = performance.now() - start;
    expect(tookMs).toBeGreaterThan(atLeastMs - 20);
    expect(tookMs).toBeLessThan(atLeastMs + 600);
    expect(received).toBeGreaterThan(0);
    await until("the event says why", async () => {
      const [event] = await eventsOf(coffer, sandbox);
      return event?.["error_code"] === code;
    });
    expect(await eventsOf(coffer, sandbox)).toMatchObject([
      { status: 200, upstream_status: 200, response_bytes: String(received) },
    ]);
  });
});

describe("a sandbox that does not end its request", () => {
  const post = () => `POST / HTTP/1.1\r\nHost: ${authority()}\r\nTransfer-Encoding: chunked\r\n`;

  test.each([
    ["stops in the middle of its body", false, idleMs],
    ["sends it for longer than any may take", true, requestMs],
  ])("and %s is told, and disconnected", async (_, drips, atLeastMs) => {
    const { sandbox, secretId, tunnel, headers } = await begin();
    const timer = drips ? setInterval(() => tunnel.write("1\r\n.\r\n"), 100) : undefined;
    const start = performance.now();
    const answer = await sendRaw(tunnel, `${post()}Authorization: ${headers.authorization}\r\n\r\n1\r\n.\r\n`, 4_000);
    clearInterval(timer);
    expect(answer).toMatch(/^HTTP\/1\.1 504 .*Proxy-Reason: upstream_timeout\r\n/s);
    const tookMs = performance.now() - start;
    expect(tookMs).toBeGreaterThan(atLeastMs - 20);
    expect(tookMs).toBeLessThan(atLeastMs + 600);
    expect(await eventsOf(coffer, sandbox)).toMatchObject([
      { secret_id: secretId, status: 504, upstream_status: null, error_code: "upstream_timeout" },
    ]);
  });
});
