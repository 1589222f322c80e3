// Bodies: their limits of size and time, and their encoding.
import { once } from "node:events";
import * as http from "node:http";
import { constants } from "node:http2";
import * as net from "node:net";
import { gzipSync } from "node:zlib";
import { Code } from "@connectrpc/connect";
import { describe, expect, onTestFinished, test } from "vitest";
import { writeEvery } from "../support/write-every.ts";
import { ask1, ask2, connect2, getSecretPath, json, raw, serve } from "./serve.ts";

describe("bodies past a limit", () => {
  const limits = { bodyLimits: { sizeBytesMax: 1000, timeoutMs: 300 } };
  const post = "POST /v1/secrets HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";

  test("are refused by their declared length before they are sent", async () => {
    const { port, calls } = await serve(limits);
    const answer = await raw(port, `${post}Expect: 100-continue\r\nContent-Length: 100000\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1.1 413 /);
    expect(answer).not.toContain("100 Continue");
    expect(calls).toEqual([]);
  });

  test("are no longer read when they come in chunks without end", async () => {
    const { port } = await serve(limits);
    const request = http.request({ port, host: "127.0.0.1", path: "/v1/secrets", method: "POST", headers: json });
    request.on("error", () => {});
    let sentBytes = 0;
    const stop = writeEvery(request, 5, () => {
      sentBytes += 400;
      return "x".repeat(400);
    });
    onTestFinished(stop);
    const [response] = (await once(request, "response")) as [http.IncomingMessage];
    expect(response).toMatchObject({ statusCode: 413, headers: { connection: "close" } });
    response.resume();
    await once(response, "close");
    expect(sentBytes).toBeLessThan(100_000);
  });

  test("are refused over HTTP/2 too, without harm to other streams", async () => {
    const { port } = await serve(limits);
    const session = connect2(`http://127.0.0.1:${port}`);
    const reply = await ask2(session, getSecretPath, { method: "POST", headers: json, body: "x".repeat(200_000) });
    expect(reply).toMatchObject({ status: 429, body: expect.stringContaining("resource_exhausted") });
    expect(await ask2(session, "/healthz")).toMatchObject({ status: 200 });
  });

  test("are refused when they inflate past it", async () => {
    const { port } = await serve(limits);
    const headers = { ...json, "content-encoding": "gzip" };
    const body = gzipSync("x".repeat(100_000));
    expect(body.byteLength).toBeLessThan(limits.bodyLimits.sizeBytesMax);
    expect(await ask1(port, "/v1/secrets", { method: "POST", headers, body })).toMatchObject({ status: 413 });
  });

  test("are refused when they inflate out of proportion, however large the limit is", async () => {
    const { port, calls } = await serve();
    const headers = { ...json, "content-encoding": "gzip" };
    const post = (text: string) => ask1(port, "/v1/secrets", { method: "POST", headers, body: gzipSync(text) });
    const reply = await post(`{"name":"n","value":"${"v".repeat(900_000)}"}`);
    expect(reply).toMatchObject({ status: 413, body: expect.stringContaining("more than 100 times its size") });
    // A body that is small when inflated may have any ratio.
    expect((await post(`{"name":"n","value":"${"v".repeat(60_000)}"}`)).status).toBe(201);
    expect(calls).toHaveLength(1);
  });

  test("of time are answered 408, over HTTP/1.1 and HTTP/2", async () => {
    const { port } = await serve(limits);
    expect(await raw(port, `${post}Content-Length: 10\r\n\r\n{`)).toMatch(/^HTTP\/1.1 408 .*did not arrive in time/s);
    const session = connect2(`http://127.0.0.1:${port}`);
    const stream = session.request({ ":path": "/v1/secrets", ":method": "POST", ...json });
    stream.write("{");
    stream.on("error", () => {});
    const [headers] = await once(stream, "response");
    expect(headers[":status"]).toBe(408);
    stream.resume();
    await once(stream, "close");
  });

  test("of time end a gRPC call", async () => {
    const { port } = await serve(limits);
    const session = connect2(`http://127.0.0.1:${port}`);
    const stream = session.request({ ":path": getSecretPath, ":method": "POST", "content-type": "application/grpc" });
    stream.on("error", () => {});
    stream.resume();
    stream.write("\0");
    const [headers] = await once(stream, "response");
    expect(headers["grpc-status"]).toBe(String(Code.DeadlineExceeded));
  });
});

test("gzipped bodies are inflated", async () => {
  const { port, calls } = await serve();
  const body = gzipSync('{"id":"a"}');
  const reply = await ask1(port, getSecretPath, {
    method: "POST",
    headers: { ...json, "content-encoding": "gzip" },
    body,
  });
  expect(reply.status).toBe(200);
  expect(calls[0]?.message).toMatchObject({ secret: { case: "id", value: "a" } });
});

describe("a client that goes in the middle of a body over HTTP/2", () => {
  type Leave = (socket: net.Socket, streamId: number) => void;
  const reset =
    (code: number): Leave =>
    (socket, streamId) =>
      // Node's client would end the stream before it resets it.
      socket.write(Buffer.from([0, 0, 4, 3, 0, 0, 0, 0, streamId, 0, 0, 0, code]));

  test.each<[string, Leave]>([
    ["by RST_STREAM with CANCEL", reset(constants.NGHTTP2_CANCEL)],
    ["by RST_STREAM with NO_ERROR", reset(constants.NGHTTP2_NO_ERROR)],
    ["by RST_STREAM with INTERNAL_ERROR", reset(constants.NGHTTP2_INTERNAL_ERROR)],
    ["with its connection", (socket) => socket.destroy()],
  ])("%s is canceled soon, and what it sent is not taken for the whole", async (_how, leave) => {
    const reasons: string[] = [];
    const { port, calls } = await serve({ onRefused: ({ reason }) => reasons.push(reason) });
    // A part of a message is a message too.
    for (const sent of ["", "\n\u0003abc"]) {
      const socket = net.connect(port, "127.0.0.1");
      const session = connect2(`http://127.0.0.1:${port}`, { createConnection: () => socket });
      await once(session, "remoteSettings");
      const headers = { ":path": getSecretPath, ":method": "POST", "content-type": "application/proto" };
      const stream = session.request(headers);
      stream.on("error", () => {});
      if (sent !== "") stream.write(sent);
      // The server has the headers when it has answered a ping.
      await new Promise<void>((resolve) => void session.ping(() => resolve()));
      leave(socket, stream.id as number);
    }
    await expect.poll(() => reasons, { timeout: 2_000 }).toEqual(["CANCELED", "CANCELED"]);
    expect(calls).toEqual([]);
  });
});

test("HEAD over HTTP/2 leaves nothing open: a stop refuses nothing afterwards", async () => {
  const reasons: string[] = [];
  const { port, server } = await serve({ onRefused: ({ reason }) => reasons.push(reason) });
  const session = connect2(`http://127.0.0.1:${port}`);
  for (const path of ["/healthz", "/v1/secrets/a"]) {
    expect(await ask2(session, path, { method: "HEAD" })).toMatchObject({ status: 200, body: "" });
  }
  // A stream of which something is still open would be cut off, and refused with SHUTTING_DOWN.
  const open = session.request({ ":path": getSecretPath, ":method": "POST", ...json });
  open.on("error", () => {});
  await new Promise<void>((resolve) => void session.ping(() => resolve()));
  await server.close(0);
  expect(reasons.filter((reason) => reason === "SHUTTING_DOWN")).toHaveLength(1);
});
