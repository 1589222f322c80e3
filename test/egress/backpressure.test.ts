// Somebody who does not take what is sent: the other side has to wait, and nothing piles up in the proxy.
import { once } from "node:events";
import { type IncomingMessage, request as openRequest, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, onTestFinished, test } from "vitest";
import { useCoffer } from "../support/coffer.ts";
import { bearerFor, bindSecret, makeSandbox, openTunnel, useEgress } from "../support/egress.ts";

const host = "api.upstream.test";
const mebibyte = 1024 * 1024;
const totalBytes = 100 * mebibyte;
// The buffers of the system for two connections, and those of streams. Buffering the whole body would exceed this.
const heldBytesMax = 40 * mebibyte;
const block = Buffer.alloc(mebibyte, "y");

/** How many bytes the host got rid of. */
let hostSent = 0;
async function pour(sink: Duplex | NodeJS.WritableStream, onSent: (bytes: number) => void): Promise<void> {
  for (let sent = 0; sent < totalBytes; sent += block.byteLength) {
    const isTaken = sink.write(block, () => onSent(block.byteLength));
    if (!isTaken) await once(sink, "drain");
  }
}
const fromHost = (bytes: number) => {
  hostSent += bytes;
};

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method === "GET") {
    await pour(response, fromHost);
    return void response.end();
  }
  await sleep(stallMs);
  let received = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) received += chunk.byteLength;
  response.end(String(received));
}

const coffer = useCoffer();
const egress = useEgress(coffer, {
  hosts: [host],
  answer: (request, response) => void answer(request, response).catch(() => {}),
  upgrade: (_, socket) => {
    socket.on("error", () => {});
    socket.write("HTTP/1.1 101 OK\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    pour(socket, fromHost).catch(() => {});
  },
});
const stallMs = 700;
const authority = () => `${host}:${egress.upstreamPort}`;

async function begin() {
  const sandbox = await makeSandbox(coffer);
  const { placeholder } = await bindSecret(coffer, sandbox, "a-value-that-is-searched-for", bearerFor(host));
  const tunnel = await openTunnel(egress, sandbox, host);
  onTestFinished(() => void tunnel.destroy());
  hostSent = 0;
  return { sandbox, tunnel, headers: { host: authority(), authorization: `Bearer ${placeholder}` } };
}

/** Once no more goes through: how much has, and by how much the memory of all has grown. */
async function expectStalled(sentBytes: () => number) {
  const before = process.memoryUsage().rss;
  await sleep(stallMs - 200);
  const sent = sentBytes();
  expect(sent).toBeGreaterThan(0);
  expect(sent).toBeLessThan(heldBytesMax);
  expect(process.memoryUsage().rss - before).toBeLessThan(heldBytesMax);
}

describe("a sandbox that does not read", () => {
  test("an answer makes the host wait, and gets all of it when it reads", async () => {
    const { tunnel, headers } = await begin();
    const request = openRequest({ createConnection: () => tunnel, path: "/", headers });
    request.end();
    const [response] = await once(request, "response");
    await expectStalled(() => hostSent);
    let received = 0;
    for await (const chunk of response as AsyncIterable<Buffer>) received += chunk.byteLength;
    expect(received).toBe(totalBytes);
  });

  test("a WebSocket makes the host wait", async () => {
    const { tunnel, headers } = await begin();
    tunnel.pause();
    const lines = Object.entries({ ...headers, connection: "Upgrade", upgrade: "websocket" });
    tunnel.write(`GET / HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`);
    await expectStalled(() => hostSent);
  });
});

test("a host that does not read makes the sandbox wait, and gets all of it when it reads", async () => {
  const { tunnel, headers } = await begin();
  const up = openRequest({
    ...{ createConnection: () => tunnel, method: "POST", path: "/" },
    headers: { ...headers, "content-length": String(totalBytes) },
  });
  const answered = once(up, "response");
  let sent = 0;
  const poured = pour(up, (bytes) => {
    sent += bytes;
  });
  await expectStalled(() => sent);
  await poured;
  up.end();
  const [response] = await answered;
  expect(String((await once(response, "data"))[0])).toBe(String(totalBytes));
});
