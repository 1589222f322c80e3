// Connections that nobody means to use: none brings the proxy down, and none is held for longer than it may.
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import { describe, expect, test } from "vitest";
import { useCoffer } from "../support/coffer.ts";
import { bearerFor, bindSecret, eventsOf, makeSandbox, openTunnel, sendRaw, useEgress } from "../support/egress.ts";
import { until } from "../support/poll.ts";
import { writeEvery } from "../support/write-every.ts";

const host = "api.upstream.test";
const headMs = 1_000;
const coffer = useCoffer();
const held: Socket[] = [];
const egress = useEgress(coffer, {
  hosts: [host],
  timeouts: { headMs },
  answer: (request, response) => {
    held.push(request.socket);
    // An answer before the body is there, and none of the body is ever read.
    if (request.url === "/early") request.read(0);
    response.end("answered");
  },
  upgrade: (_, socket) => {
    held.push(socket as Socket);
    socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    socket.on("error", () => {});
    // The proxy is still writing the event.
    setImmediate(() => rudelyEnd(socket as Socket));
  },
});
const authority = (name = host) => `${name}:${egress.upstreamPort}`;

/** With a reset, where a TLS connection would say goodbye. */
function rudelyEnd(socket: Socket): void {
  const { _parent: raw } = socket as unknown as { _parent?: Socket };
  raw?.resetAndDestroy();
}

async function begin() {
  const sandbox = await makeSandbox(coffer);
  const { placeholder } = await bindSecret(coffer, sandbox, "an-upstream-credential", bearerFor(host));
  return { sandbox, placeholder, tunnel: await openTunnel(egress, sandbox, host) };
}

/** Does not close its side when the other one does. */
function connectStubbornly(): Socket {
  const socket = connect({ port: egress.port, host: "127.0.0.1", allowHalfOpen: true });
  socket.on("error", () => {});
  socket.resume();
  return socket;
}

async function closedWithin(socket: Socket, ms: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  socket.on("close", () => resolve(true));
  return Promise.race([promise, sleep(ms, false)]);
}

test("a client that leaves while the event is written leaves one event and one line in the log", async () => {
  const { sandbox, placeholder, tunnel } = await begin();
  const other = new Client(coffer.databaseUrl);
  await other.connect();
  try {
    await other.query("begin; lock table egress_event in exclusive mode");
    const before = held.length;
    tunnel.write(`GET / HTTP/1.1\r\nHost: ${authority()}\r\nAuthorization: Bearer ${placeholder}\r\n\r\n`);
    await until("the host has answered", () => Promise.resolve(held.length > before));
    await sleep(100);
    tunnel.destroy();
    await sleep(100);
  } finally {
    await other.end();
  }
  await until("its event is there", async () => (await eventsOf(coffer, sandbox)).length === 1);
  await sleep(100);
  expect(egress.logLines.filter((line) => line.includes(sandbox.id))).toHaveLength(1);
});

test("a host that resets a WebSocket at its first byte does not end the proxy", async () => {
  const { tunnel } = await begin();
  const head = `GET /ws HTTP/1.1\r\nHost: ${authority()}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`;
  await sendRaw(tunnel, head, 500);
  expect((await fetch(`${egress.url}/healthz`)).status).toBe(200);
});

describe("is closed, although its client never closes it,", () => {
  test("a connection without a token", async () => {
    const socket = connectStubbornly();
    socket.write(`CONNECT ${authority()} HTTP/1.1\r\nHost: ${authority()}\r\n\r\n`);
    const [answer] = await once(socket, "data");
    expect(String(answer)).toContain("407");
    const isClosed = closedWithin(socket, 5_000);
    // A half-open connection of the proxy's would take this for good.
    writeEvery(socket, 100, "x");
    expect(await isClosed).toBe(true);
  });

  test("a tunnel in which no request is ever whole", async () => {
    const { tunnel } = await begin();
    const isClosed = closedWithin(tunnel, headMs + 5_000);
    tunnel.on("error", () => {});
    tunnel.write("GET / HTTP/1.1\r\n");
    writeEvery(tunnel, 100, "x");
    tunnel.resume();
    expect(await isClosed).toBe(true);
  });

  test("a tunnel in which nothing is ever asked", async () => {
    const { tunnel } = await begin();
    tunnel.resume();
    expect(await closedWithin(tunnel, headMs + 5_000)).toBe(true);
  });

  test("one whose body goes on when the answer is over, and the host's with it", async () => {
    const { tunnel } = await begin();
    const before = held.length;
    tunnel.on("error", () => {});
    tunnel.write(`POST /early HTTP/1.1\r\nHost: ${authority()}\r\nTransfer-Encoding: chunked\r\n\r\n`);
    writeEvery(tunnel, 20, `1000\r\n${"x".repeat(4_096)}\r\n`);
    let answer = "";
    tunnel.on("data", (chunk: Buffer) => {
      answer += chunk.toString();
    });
    expect(await closedWithin(tunnel, 5_000)).toBe(true);
    expect(answer).toContain("answered");
    await until("the host's connection is closed", async () => held[before]?.destroyed === true);
  });
});
