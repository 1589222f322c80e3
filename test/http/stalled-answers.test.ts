// Answers that nobody reads are cut off; those that are read slowly are not.
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { connect2, json, serve } from "./serve.ts";

const stalledAnswerMs = 500;
/** More than the kernel takes for a client that does not read. */
const description = "x".repeat(20 * 1024 * 1024);
const large = { limits: { stalledAnswerMs }, respond: async () => ({ secret: { id: "sec_1", description } }) };

function askRaw(port: number) {
  const socket = connect(port, "127.0.0.1");
  onTestFinished(() => void socket.destroy());
  socket.on("error", () => {});
  socket.pause();
  socket.write("GET /v1/secrets/sec_1 HTTP/1.1\r\nHost: x\r\n\r\n");
  return socket;
}

test("an answer over HTTP/1.1 of which nothing is taken ends with its connection", async () => {
  const { port, calls, server } = await serve(large);
  const socket = askRaw(port);
  while (calls.length === 0) await sleep(5);
  await sleep(stalledAnswerMs * 4);
  let received = 0;
  socket.on("data", (chunk: Buffer) => {
    received += chunk.byteLength;
  });
  socket.resume();
  await once(socket, "close");
  expect(received).toBeLessThan(description.length);
  await server.close(0);
});

test("an answer over HTTP/1.1 that is read slowly comes whole", async () => {
  const { port } = await serve({ ...large, limits: { stalledAnswerMs: 3_000 } });
  const socket = askRaw(port);
  let received = 0;
  while (received < description.length && !socket.destroyed) {
    const chunk = socket.read() as Buffer | null;
    received += chunk?.byteLength ?? 0;
    await sleep(chunk === null ? 5 : 20);
  }
  expect(received).toBeGreaterThanOrEqual(description.length);
});

test("an answer over HTTP/2 of which nothing is taken ends with its stream, and the session goes on", async () => {
  const { port } = await serve({ ...large, respond: async () => ({ secret: { description: "x".repeat(2 ** 21) } }) });
  const session = connect2(`http://127.0.0.1:${port}`);
  const stalled = session.request({ ":path": "/v1/secrets/sec_1", ...json });
  stalled.on("error", () => {});
  await once(stalled, "response");
  const start = performance.now();
  const closed = once(stalled, "close");
  await sleep(stalledAnswerMs * 3);
  stalled.resume();
  await closed;
  expect(performance.now() - start).toBeLessThan(10_000);
  expect(stalled.rstCode).not.toBe(0);
  const healthy = session.request({ ":path": "/healthz" });
  const [headers] = (await once(healthy, "response")) as [{ ":status": number }];
  expect(headers[":status"]).toBe(200);
});

test("of more unread answers than memory is for, the oldest is cut off first", async () => {
  const { port, calls } = await serve({ ...large, limits: { unreadBytesMax: 3.5 * description.length } });
  const sockets = [];
  for (let count = 1; count <= 4; count++) {
    sockets.push(askRaw(port));
    while (calls.length < count) await sleep(5);
    await sleep(200);
  }
  const ends = sockets.map((socket) => {
    let received = 0;
    socket.on("data", (chunk: Buffer) => {
      received += chunk.byteLength;
      if (received >= description.length) socket.destroy();
    });
    socket.resume();
    return once(socket, "close").then(() => received >= description.length);
  });
  expect(await Promise.all(ends)).toEqual([false, true, true, true]);
});

test("requests that are sent at once over one connection are answered one after the other", async () => {
  const release = Promise.withResolvers<object>();
  const { port, calls } = await serve({ respond: () => release.promise });
  const socket = connect(port, "127.0.0.1");
  onTestFinished(() => void socket.destroy());
  socket.write("GET /v1/secrets/a HTTP/1.1\r\nHost: x\r\n\r\n".repeat(3));
  while (calls.length === 0) await sleep(5);
  await sleep(100);
  expect(calls).toHaveLength(1);
  release.resolve({});
  let answers = "";
  socket.on("data", (chunk: Buffer) => {
    answers += chunk.toString();
  });
  while (answers.split("HTTP/1.1 200 OK").length < 4) await sleep(5);
  expect(calls).toHaveLength(3);
});
