// Header blocks and request lines that must not get through.
import { once } from "node:events";
import type * as http2 from "node:http2";
import { describe, expect, test } from "vitest";
import { ask1, ask2, connect2, getSecretPath, json, raw, serve } from "./serve.ts";

describe("rejects, in the protocol of the request", () => {
  const duplicated = [
    "Authorization",
    "X-API-Key",
    "Idempotency-Key",
    "If-Match",
    "akua-context",
    "X-Organisation-Identity",
    "X-Project-Identity",
  ];

  test.each(duplicated)("a doubled %s", async (name) => {
    const { port, calls } = await serve();
    const lines = `Host: x\r\n${name}: canary\r\n${name.toUpperCase()}: canary\r\nConnection: close\r\n\r\n`;
    const answer = await raw(port, `GET /v1/secrets/a HTTP/1.1\r\n${lines}`);
    expect(answer).toMatch(/^HTTP\/1.1 400 /);
    expect(answer).toContain(`the header ${name.toLowerCase()} must be given once`);
    expect(answer).not.toContain("canary");
    expect(calls).toEqual([]);
  });

  test("a doubled header over HTTP/2, for REST, Connect and gRPC", async () => {
    const { port } = await serve();
    const session = connect2(`http://127.0.0.1:${port}`);
    const twice = { "idempotency-key": ["a", "b"] as unknown as string };
    expect(await ask2(session, "/v1/secrets/a", { headers: twice })).toMatchObject({ status: 400 });
    const connectReply = await ask2(session, getSecretPath, {
      method: "POST",
      headers: { ...json, ...twice },
      body: "{}",
    });
    expect(connectReply.status).toBe(400);
    expect(JSON.parse(connectReply.body)).toMatchObject({
      code: "invalid_argument",
      details: [{ debug: { reason: "REQUEST_MALFORMED", metadata: { header: "idempotency-key" } } }],
    });
    const grpc = { "content-type": "application/grpc+proto", te: "trailers", ...twice };
    const grpcReply = await ask2(session, getSecretPath, { method: "POST", headers: grpc, body: "\0\0\0\0\0" });
    expect(grpcReply).toMatchObject({ status: 200, endedWithHeaders: true, headers: { "grpc-status": "3" } });
  });

  test("two credentials at once", async () => {
    const { port } = await serve();
    const headers = { authorization: "Bearer a", "x-api-key": "b" };
    expect(await ask1(port, "/v1/secrets/a", { headers })).toMatchObject({ status: 400 });
  });

  test.each<[string, string]>([
    ["no Host", "GET /healthz HTTP/1.1\r\n\r\n"],
    ["two Hosts", "GET /healthz HTTP/1.1\r\nHost: a\r\nHost: a\r\nConnection: close\r\n\r\n"],
    [
      "a Host that is none",
      "POST /coffer.v1.SecretService/GetSecret HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n",
    ],
    ["an absolute target", "GET http://b/healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"],
    ["an asterisk target", "OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"],
    [
      "Transfer-Encoding in HTTP/1.0",
      "POST /v1/secrets HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
    [
      "Content-Length and Transfer-Encoding",
      "POST /v1/secrets HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
    [
      "Transfer-Encoding in HTTP/1.0, whose connection is then closed",
      "POST /v1/secrets HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
    [
      "another transfer coding than chunked, whose connection is then closed",
      "POST /v1/secrets HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    ],
    ["what is no HTTP", "\x16\x03\x01\x02\x00\x01\x00\r\n\r\n"],
  ])("%s", async (_, request) => {
    const { port } = await serve();
    expect(await raw(port, request)).toMatch(/^HTTP\/1.1 400 /);
  });

  test("CONNECT, over HTTP/1.1 and HTTP/2, with an answer", async () => {
    const { port } = await serve();
    const answer = await raw(port, "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n");
    expect(answer).toMatch(
      /^HTTP\/1.1 405 .*\r\nallow: GET, HEAD, POST, PUT, PATCH, DELETE\r\n.*this port is not a proxy/s,
    );
    const behind = "GET /v1/secrets/a HTTP/1.1\r\nHost: x\r\n\r\nCONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n\r\n";
    expect((await raw(port, behind)).match(/HTTP\/1.1 \d+/g)).toEqual(["HTTP/1.1 200", "HTTP/1.1 405"]);
    // Node answers this expectation by itself: the connection ends, and nothing is thrown.
    const expecting =
      "GET /healthz HTTP/1.1\r\nHost: x\r\nExpect: cake\r\n\r\nCONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n\r\n";
    expect(await raw(port, expecting)).not.toContain("HTTP/1.1 200");
    const session = connect2(`http://127.0.0.1:${port}`);
    const stream = session.request({ ":method": "CONNECT", ":authority": "example.com:443" });
    const [headers] = (await once(stream, "response")) as [http2.IncomingHttpHeaders];
    expect(headers).toMatchObject({ ":status": 405, "x-content-type-options": "nosniff" });
    expect(await ask2(session, "/healthz")).toMatchObject({ status: 200 });
  });

  test("header blocks past 16 KiB", async () => {
    const { port } = await serve();
    const large = "a".repeat(17 * 1024);
    expect(await raw(port, `GET / HTTP/1.1\r\nHost: x\r\nX-Large: ${large}\r\n\r\n`)).toMatch(/^HTTP\/1.1 431 /);
    const session = connect2(`http://127.0.0.1:${port}`);
    const reply = await ask2(session, "/healthz", { headers: { "x-large": large } });
    expect(reply).toMatchObject({ status: 413 });
    const many = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`x-${i}`, "a"]));
    await expect(ask2(session, "/healthz", { headers: many })).rejects.toThrow("ENHANCE_YOUR_CALM");
  });
});
