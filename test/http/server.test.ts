// The one port: protocols, TLS, silent connections, closing.
import { once } from "node:events";
import { readFileSync } from "node:fs";
import * as http from "node:http";
import * as https from "node:https";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { describe, expect, onTestFinished, test } from "vitest";
import { SecretService } from "../../gen/coffer/v1/secret_service_pb.ts";
import { ask1, ask2, connect2, json, peerOf, raw, serve } from "./serve.ts";

const fixture = (name: string) => readFileSync(new URL(`fixtures/${name}`, import.meta.url), "utf8");
const cert = fixture("localhost.cert.pem");
const key = fixture("localhost.key.pem");

describe("one port serves", () => {
  test("REST over HTTP/1.1 and HTTP/2, with a body of 900 KiB", async () => {
    const { port, calls } = await serve({ respond: async () => ({ secret: { id: "sec_1" } }) });
    const body = JSON.stringify({ name: "n", value: "v".repeat(900 * 1024) });
    const session = connect2(`http://127.0.0.1:${port}`);
    const replies = [
      await ask1(port, "/v1/secrets", { method: "POST", headers: json, body }),
      await ask2(session, "/v1/secrets", { method: "POST", headers: json, body }),
    ];
    for (const { status, headers, body: answer } of replies) {
      expect(status).toBe(201);
      expect(headers).toMatchObject({ "content-type": "application/json", "cache-control": "no-store", etag: '"7"' });
      expect(JSON.parse(answer)).toMatchObject({ id: "sec_1", validation: null, labels: {}, deleted_at: null });
    }
    expect(calls.map(({ message }) => Reflect.get(message, "value").length)).toEqual([900 * 1024, 900 * 1024]);
  });

  test("Connect, gRPC and gRPC-Web, in both codecs of Connect and both versions of HTTP", async () => {
    const { port, calls } = await serve({ respond: async () => ({ secret: { id: "sec_1" } }) });
    const baseUrl = `http://127.0.0.1:${port}`;
    const transports = [
      createConnectTransport({ baseUrl, httpVersion: "1.1", useBinaryFormat: false }),
      createConnectTransport({ baseUrl, httpVersion: "2", useBinaryFormat: true, useHttpGet: true }),
      createConnectTransport({ baseUrl, httpVersion: "2", useBinaryFormat: true }),
      createGrpcTransport({ baseUrl }),
      createGrpcWebTransport({ baseUrl, httpVersion: "1.1" }),
    ];
    for (const transport of transports) {
      const options = { onHeader: (header: Headers) => expect(header.get("cache-control")).toBe("no-store") };
      const { secret } = await createClient(SecretService, transport).getSecret(
        { secret: { case: "id", value: "a" } },
        options,
      );
      expect(secret?.id).toBe("sec_1");
    }
    expect(calls.map(peerOf)).toEqual(transports.map(() => "127.0.0.1"));
  });

  test("TLS, with HTTP/2 or HTTP/1.1 as ALPN says", async () => {
    const { port, calls } = await serve({ tls: { key, cert }, respond: async () => ({ secret: { id: "sec_1" } }) });
    const session = connect2(`https://localhost:${port}`, { ca: cert });
    const { status, headers } = await ask2(session, "/v1/secrets/sec_1");
    expect([status, headers["strict-transport-security"]]).toEqual([200, "max-age=31536000"]);
    const request = https.get({ host: "localhost", port, path: "/v1/secrets/sec_1", ca: cert, agent: false });
    const [response] = (await once(request, "response")) as [http.IncomingMessage];
    response.resume();
    expect(response.statusCode).toBe(200);
    expect(response.headers["strict-transport-security"]).toBe("max-age=31536000");
    expect(calls.map((call) => call.request.source.url)).toEqual(
      Array(2).fill(`https://localhost:${port}/v1/secrets/sec_1`),
    );
  });

  test("a request that comes byte by byte", async () => {
    const { port } = await serve();
    const bytes = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".split("");
    expect(await raw(port, ...bytes)).toMatch(/^HTTP\/1.1 200 OK.*ok\n$/s);
  });
});

describe("connections that say too little are dropped", () => {
  test.each(["", "P", "PRI", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET / HT"])("%j", async (start) => {
    const { port } = await serve({ limits: { headersTimeoutMs: 200 } });
    const began = Date.now();
    await raw(port, start);
    expect(Date.now() - began).toBeLessThan(3000);
  });

  test("and those that leave early leave nothing behind", async () => {
    const { port, server } = await serve();
    for (const start of ["", "P", "GET /", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0"]) {
      const socket = connect(port, "127.0.0.1");
      await once(socket, "connect");
      socket.end(start);
      socket.resume();
      await once(socket, "close");
    }
    await expect(server.close(60_000)).resolves.toBeUndefined();
  });
});

describe("closing", () => {
  test("finishes what is in flight over HTTP/1.1 and HTTP/2, drops idle connections, and takes no new ones", async () => {
    const release = Promise.withResolvers<object>();
    const { port, server, calls } = await serve({ respond: () => release.promise });
    const agent = new http.Agent({ keepAlive: true });
    onTestFinished(() => agent.destroy());
    const idle = http.get({ host: "127.0.0.1", port, path: "/healthz", agent });
    ((await once(idle, "response")) as [http.IncomingMessage])[0].resume();
    const silent = connect(port, "127.0.0.1");
    await once(silent, "connect");
    const session = connect2(`http://127.0.0.1:${port}`);
    const idleSession = connect2(`http://127.0.0.1:${port}`);
    await once(idleSession, "remoteSettings");
    const replies = [
      ask1(port, "/v1/secrets/a", { headers: { connection: "keep-alive" } }),
      ask2(session, "/v1/secrets/a"),
    ];
    while (calls.length < 2) await sleep(5);
    const closed = server.close(60_000);
    await sleep(50);
    await expect(ask1(port, "/healthz")).rejects.toThrow("ECONNREFUSED");
    release.resolve({});
    const [first, second] = await Promise.all(replies);
    expect(first).toMatchObject({ status: 200, headers: { connection: "close" } });
    expect(second).toMatchObject({ status: 200 });
    await closed;
  });

  test("cuts off what does not end within the grace", async () => {
    const { port, server, calls } = await serve({ respond: () => new Promise(() => {}) });
    const session = connect2(`http://127.0.0.1:${port}`);
    const replies = Promise.allSettled([ask1(port, "/v1/secrets/a"), ask2(session, "/v1/secrets/a")]);
    while (calls.length < 2) await sleep(5);
    const began = Date.now();
    await server.close(100);
    expect(Date.now() - began).toBeLessThan(2000);
    await replies;
  });
});
