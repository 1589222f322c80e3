// Requests reach the right handler, and errors have the form of their protocol.
import { once } from "node:events";
import * as http from "node:http";
import { describe, expect, test } from "vitest";
import { CofferError } from "../../src/domain/error/errors.ts";
import { ask1, ask2, connect2, getSecretPath, json, raw, serve } from "./serve.ts";

describe("succeeds", () => {
  test("health always and readiness when it is", async () => {
    const { port } = await serve({ isReady: async () => Promise.reject(new Error("no database")) });
    expect(await ask1(port, "/healthz")).toMatchObject({ status: 200, body: "ok\n" });
    expect(await ask1(port, "/readyz")).toMatchObject({ status: 503 });
    const ready = await serve();
    expect(await ask1(ready.port, "/readyz?x=1")).toMatchObject({ status: 200 });
  });

  test("health checks in HTTP/1.0, which has no Host", async () => {
    const { port } = await serve();
    expect(await raw(port, "GET /healthz HTTP/1.0\r\n\r\n")).toMatch(/^HTTP\/1\.1 200 .*ok\n$/s);
    expect(await raw(port, "OPTIONS /readyz HTTP/1.0\r\n\r\n")).toMatch(/^HTTP\/1\.1 200 .*ready\n$/s);
    expect(await raw(port, "GET /healthz HTTP/1.1\r\n\r\n")).toMatch(/^HTTP\/1\.1 400 /);
  });

  test("every answer with nosniff, over plain HTTP without HSTS", async () => {
    const { port } = await serve();
    const session = connect2(`http://127.0.0.1:${port}`);
    const paths = [
      "/healthz",
      "/readyz",
      "/v1/secrets/sec_1",
      "/nope",
      "/v1/nope",
      getSecretPath,
      "/coffer.v1.Nope/Get",
    ];
    for (const path of paths) {
      for (const { headers } of [await ask1(port, path), await ask2(session, path)]) {
        expect([path, headers["x-content-type-options"], headers["strict-transport-security"]]).toEqual([
          ...[path, "nosniff", undefined],
        ]);
      }
    }
  });

  test("204 without a body", async () => {
    const { port, calls } = await serve();
    const reply = await ask1(port, "/v1/secrets/sec_1?force=true", { method: "DELETE" });
    expect(reply).toMatchObject({ status: 204, body: "" });
    expect(calls[0]?.message).toMatchObject({ id: "sec_1", force: true });
  });

  test("Connect's trailers as headers, and the caller's deadline within what a timer can hold", async () => {
    const { port, calls } = await serve();
    const headers = { ...json, "connect-timeout-ms": "9999999999", "connect-protocol-version": "1" };
    const reply = await ask1(port, getSecretPath, { method: "POST", headers, body: "{}" });
    expect(reply).toMatchObject({ status: 200, headers: { etag: '"7"', "trailer-x-after": "t" }, body: "{}" });
    expect(calls[0]?.request.timeoutMs).toBe(2 ** 31 - 1);
  });
});

describe("rejects, in the protocol of the request", () => {
  test("unknown methods and paths, each as its protocol does", async () => {
    const { port } = await serve();
    const session = connect2(`http://127.0.0.1:${port}`);
    const headers = { "content-type": "application/grpc" };
    expect(await ask1(port, "/coffer.v1.Nope/Get", { method: "POST", headers: json, body: "{}" })).toMatchObject({
      status: 501,
      body: expect.stringContaining('"code":"unimplemented"'),
    });
    expect(await ask2(session, "/coffer.v1.Nope/Get", { method: "POST", headers, body: "" })).toMatchObject({
      status: 200,
      headers: { "grpc-status": "12", "content-type": "application/grpc+proto" },
    });
    expect(await ask1(port, "/nope")).toMatchObject({
      status: 404,
      body: expect.stringContaining('"code":"not_found"'),
    });
    expect(await ask1(port, "/v1/nope")).toMatchObject({ status: 404, body: expect.stringContaining("library_error") });
    expect(await ask1(port, "/v1/secrets", { method: "PUT" })).toMatchObject({
      status: 405,
      headers: { allow: "GET, HEAD, POST" },
    });
    expect(await ask1(port, "/v1/secrets/a%2Fb")).toMatchObject({ status: 400 });
  });

  test("media types and protocol headers", async () => {
    const { port, calls } = await serve();
    const post = (path: string, headers: Record<string, string>, body = "{}") =>
      ask1(port, path, { method: "POST", headers, body });
    expect(await post("/v1/secrets", { "content-type": "text/plain" })).toMatchObject({ status: 415 });
    expect(await post("/v1/secrets", { ...json, "content-encoding": "deflate" })).toMatchObject({ status: 415 });
    expect(await post(getSecretPath, { "content-type": "text/plain" })).toMatchObject({ status: 415 });
    expect(await post(getSecretPath, { "content-type": "application/grpc+json" })).toMatchObject({
      status: 415,
      headers: { "grpc-status": "3" },
    });
    expect(await post(getSecretPath, { ...json, "connect-protocol-version": "2" })).toMatchObject({ status: 400 });
    expect(await post(getSecretPath, { ...json, "connect-timeout-ms": "1s" })).toMatchObject({ status: 400 });
    expect(await post(getSecretPath, { "content-type": "application/proto" }, "\xff\xff")).toMatchObject({
      status: 400,
    });
    expect(await post(getSecretPath, { ...json, "content-encoding": "gzip" })).toMatchObject({ status: 400 });
    expect(calls).toEqual([]);
    expect(await post("/v1/secrets", { "content-type": 'application/json; charset="UTF-8"' })).toMatchObject({
      status: 201,
    });
  });

  test("errors of the application, with their headers", async () => {
    const errors = [
      new CofferError("CREDENTIAL_MISSING", "who are you"),
      new CofferError("RATE_LIMITED", "slow down", {}, { retryDelayMs: 1500 }),
      new Error("canary"),
    ];
    const { port } = await serve({
      onUnexpectedError: () => {},
      respond: () => Promise.reject(errors.shift() as Error),
    });
    const rest = await ask1(port, "/v1/secrets/a");
    expect(rest).toMatchObject({ status: 401, headers: { "www-authenticate": "Bearer", "cache-control": "no-store" } });
    const limited = await ask1(port, getSecretPath, { method: "POST", headers: json, body: "{}" });
    expect(limited).toMatchObject({ status: 429, headers: { "retry-after": "2" } });
    expect(await ask1(port, "/v1/secrets/a")).toMatchObject({
      status: 500,
      body: '{"library_error":"internal error"}',
    });
  });
});

test("a call's signal is aborted when its client goes away", async () => {
  const began = Promise.withResolvers<AbortSignal>();
  const { port } = await serve({
    respond: ({ request }) => {
      began.resolve(request.source.signal);
      return new Promise(() => {});
    },
  });
  const request = http.get({ host: "127.0.0.1", port, path: "/v1/secrets/a" });
  request.on("error", () => {});
  const signal = await began.promise;
  request.destroy();
  await once(signal, "abort");
  expect(signal.reason).toMatchObject({ reason: "CANCELED" });
});
