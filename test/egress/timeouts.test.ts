// Hosts and sandboxes that stop: before an answer it is said, after it has begun it breaks off, and the event says why.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type IncomingMessage, request as openRequest } from "node:http";
import { connect, createServer, type Server, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { useCoffer } from "../support/coffer.ts";
import { bearerFor, bindSecret, eventsOf, makeSandbox, openTunnel, sendRaw, useEgress } from "../support/egress.ts";
import { requestIn } from "../support/egress-request.ts";
import { until } from "../support/poll.ts";
import { writeEvery } from "../support/write-every.ts";

const host = "api.upstream.test";
const silentHost = "silent.upstream.test";
const fullHost = "full.upstream.test";
const silentMs = 400;
const coffer = useCoffer();
const egress = useEgress(coffer, {
  hosts: [host, silentHost, fullHost],
  env: { COFFER_EGRESS_ALLOW_PRIVATE: "127.0.0.0/8" },
  timeouts: { dialMs: 400, answerMs: 1_200, bodyMs: silentMs, recheckMs: 200 },
  answer: (request, response) => {
    request.resume();
    if (request.url === "/stall") response.write("begun\n");
    if (request.url === "/break") {
      response.writeHead(200, { "content-length": "100" });
      response.write("begun\n");
      setTimeout(() => request.socket.destroy(), 50);
    }
    if (request.url === "/late") setTimeout(() => response.end("late\n"), 3 * silentMs - 200);
    if (request.url === "/events") {
      response.setHeader("content-type", "text/event-stream; charset=utf-8");
      response.write(": hello\n\n");
      setTimeout(() => response.end("data: 1\n\n"), 3 * silentMs);
    }
    if (request.url === "/forever") {
      response.setHeader("content-type", "text/event-stream");
      response.write(": hello\n\n");
    }
    if (request.url === "/drip") {
      writeEvery(response, 100, ".\n");
      setTimeout(() => response.end(), 5 * silentMs);
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
    ["/stall", "the host stops in its middle", "upstream_timeout", silentMs],
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

  test("and stops in the middle of its body is told, and disconnected", async () => {
    const { sandbox, secretId, tunnel, headers } = await begin();
    const start = performance.now();
    const answer = await sendRaw(tunnel, `${post()}Authorization: ${headers.authorization}\r\n\r\n1\r\n.\r\n`, 4_000);
    expect(answer).toMatch(/^HTTP\/1\.1 504 .*Proxy-Reason: upstream_timeout\r\n/s);
    const tookMs = performance.now() - start;
    expect(tookMs).toBeGreaterThan(silentMs - 20);
    expect(tookMs).toBeLessThan(silentMs + 600);
    expect(await eventsOf(coffer, sandbox)).toMatchObject([
      { secret_id: secretId, status: 504, upstream_status: null, error_code: "upstream_timeout" },
    ]);
  });
});

describe("an answer that takes its time is whole", () => {
  test.each([
    ["/late", "its head comes long after the request", "late\n"],
    ["/events", "an event stream is silent for longer than a body may be", ": hello\n\ndata: 1\n\n"],
    ["/drip", "a body comes in pieces for longer than its silence may last", ".\n"],
  ])("%s: %s", async (path, _, text) => {
    const { sandbox, tunnel, headers } = await begin();
    const answer = await requestIn(tunnel, { host: authority(), path, headers });
    expect(answer.status).toBe(200);
    expect(answer.body).toContain(text);
    expect(await eventsOf(coffer, sandbox)).toMatchObject([{ status: 200, error_code: "" }]);
  });

  test("also when the request took long", async () => {
    const { tunnel, headers } = await begin();
    const stop = writeEvery(tunnel, 100, "1\r\n.\r\n");
    setTimeout(() => {
      stop();
      tunnel.write("0\r\n\r\n");
    }, 3 * silentMs);
    const head = `POST /late HTTP/1.1\r\nHost: ${authority()}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n`;
    const answer = await sendRaw(tunnel, `${head}Authorization: ${headers.authorization}\r\n\r\n`, 5_000);
    expect(answer).toMatch(/^HTTP\/1\.1 200 .*late\n/s);
  });
});

test("an event stream ends within two seconds of the secret's detachment", async () => {
  const { sandbox, tunnel, headers } = await begin();
  const request = openRequest({
    ...{ createConnection: () => tunnel, path: "/forever" },
    headers: { host: authority(), ...headers },
  });
  request.end();
  const [response] = (await once(request, "response")) as [IncomingMessage];
  response.resume();
  await coffer.sql("update sandbox_binding set revoke_time = now() where sandbox_id = $1", [sandbox.id]);
  const startMs = performance.now();
  await once(response, "error");
  expect(performance.now() - startMs).toBeLessThan(2_500);
  await until("the event says why", async () => {
    const [event] = await eventsOf(coffer, sandbox);
    return event?.["error_code"] === "credential_revoked";
  });
});

test.runIf(process.platform === "linux")("TCP keep-alive watches both connections of an event stream", async () => {
  const { tunnel, headers } = await begin();
  const request = openRequest({
    ...{ createConnection: () => tunnel, path: "/forever" },
    headers: { host: authority(), ...headers },
  });
  request.on("error", () => {});
  request.end();
  await once(request, "response");
  // /proc/net/tcp: local and remote address, then which timer runs; 02 is that of keep-alive.
  const isWatched = (localPort: number | undefined, remotePort: number | undefined) =>
    readFileSync("/proc/net/tcp", "utf8")
      .split("\n")
      .map((line) => line.trim().split(/\s+/))
      .some(
        ([, local, remote, , , timer]) =>
          (localPort === undefined || local?.endsWith(hex(localPort))) &&
          (remotePort === undefined || remote?.endsWith(hex(remotePort))) &&
          timer?.startsWith("02:"),
      );
  const hex = (port: number) => `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  await until(
    "both are watched",
    async () => isWatched(egress.port, tunnel.localPort) && isWatched(undefined, egress.upstreamPort),
  );
  expect(tunnel.destroyed).toBe(false);
});
