// Bodies that are long, slow or both ways at once: they stream, with flat memory, and a value in them does not come back.
import { once } from "node:events";
import { request as openRequest, type RequestListener } from "node:http";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { useCoffer } from "../support/coffer.ts";
import { bearerFor, bindSecret, eventsOf, makeSandbox, openTunnel, sendRaw, useEgress } from "../support/egress.ts";
import { requestIn } from "../support/egress-request.ts";
import { until } from "../support/poll.ts";
import { writeEvery } from "../support/write-every.ts";

const host = "api.upstream.test";
const value = "streamed+credential/1==";
const mebibyte = 1024 * 1024;
const coffer = useCoffer();
const egress = useEgress(coffer, {
  hosts: [host],
  timeouts: { answerMs: 1_000, recheckMs: 200 },
  answer: ((request, response) => {
    const token = String(request.headers.authorization).replace("Bearer ", "");
    const { url = "" } = request;
    if (url === "/gzip") {
      response.setHeader("content-encoding", "gzip");
      response.end(gzipSync(`packed ${token}`));
    } else if (url === "/pieces") {
      response.write(`x${token.slice(0, 9)}`);
      setTimeout(() => response.end(`${token.slice(9)}x`), 50);
    } else if (url === "/forms") {
      const forms = [token, encodeURIComponent(token), JSON.stringify(token)];
      const encoded = ["", "u:", "us:"].flatMap((user) => [
        Buffer.from(user + token).toString("base64"),
        Buffer.from(user + token).toString("base64url"),
      ]);
      response.setHeader("x-forms", encodeURIComponent(token));
      response.end([...forms, ...encoded].join("\n"));
    } else if (url === "/events") {
      response.setHeader("content-type", "text/event-stream");
      let count = 0;
      writeEvery(response, 100, () => `data: ${token} ${++count}\n\n`);
    } else if (url === "/messages") {
      // Each message waits for the client's answer to the one before it.
      let count = 0;
      request.on("data", () => response.write(`{"message":${++count}}`));
    } else if (url === "/redirect") {
      response.writeHead(302, { location: "https://elsewhere.test/" });
      response.end();
    } else if (url === "/hang") {
      request.resume();
    } else if (url === "/sink") {
      let bytes = 0;
      request.on("data", (chunk: Buffer) => {
        bytes += chunk.byteLength;
      });
      request.on("end", () => response.end(String(bytes)));
    } else {
      const block = Buffer.alloc(mebibyte, "y");
      let left = Number(url.slice(1));
      const send = () => {
        while (left > 0 && response.write(block)) left--;
        if (left-- > 0) response.once("drain", send);
        else response.end();
      };
      send();
    }
  }) satisfies RequestListener,
  upgrade: ({ headers }, socket) => {
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n`);
    socket.write(`X-Echo: ${headers.authorization}\r\n\r\n`);
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => socket.write(`echo ${chunk.toString()}`));
  },
});
const authority = () => `${host}:${egress.upstreamPort}`;

async function begin() {
  const sandbox = await makeSandbox(coffer);
  const bound = await bindSecret(coffer, sandbox, value, bearerFor(host));
  const headers = { authorization: `Bearer ${bound.placeholder}` };
  return { sandbox, ...bound, headers, tunnel: await openTunnel(egress, sandbox, host) };
}

describe("an answer", () => {
  test.each(["/gzip", "/pieces", "/forms"])("that repeats the value has the placeholder instead: %s", async (path) => {
    const { tunnel, headers, placeholder } = await begin();
    const answer = await requestIn(tunnel, { host: authority(), path, headers });
    expect(answer.status).toBe(200);
    expect(answer.body).toContain(placeholder);
    const shown = answer.body + JSON.stringify(answer.headers);
    for (const form of [value, encodeURIComponent(value), btoa(value), btoa(value).replace(/=+$/, "")]) {
      expect(shown).not.toContain(form);
    }
    for (const user of ["u:", "us:"]) expect(shown).not.toContain(btoa(user + value).slice(4, 28));
    tunnel.destroy();
  });

  test("that leads to another host is handed on", async () => {
    const { tunnel, headers } = await begin();
    const answer = await requestIn(tunnel, { host: authority(), path: "/redirect", headers });
    expect(answer).toMatchObject({ status: 302, headers: { location: "https://elsewhere.test/" } });
    tunnel.destroy();
  });

  test("of server-sent events comes event by event", async () => {
    const { tunnel, headers, placeholder } = await begin();
    const request = openRequest({
      createConnection: () => tunnel,
      path: "/events",
      headers: { host: authority(), ...headers },
    });
    request.end();
    request.on("error", () => {});
    const [response] = await once(request, "response");
    const startMs = performance.now();
    for (let i = 1; i <= 3; i++) {
      const [chunk] = await once(response, "data");
      expect(String(chunk)).toBe(`data: ${placeholder} ${i}\n\n`);
    }
    expect(performance.now() - startMs).toBeLessThan(900);
    tunnel.destroy();
  });

  test("of messages without line ends comes message by message, also when the host waits for the client", async () => {
    const { tunnel, headers } = await begin();
    const request = openRequest({
      ...{ createConnection: () => tunnel, method: "POST", path: "/messages" },
      headers: { host: authority(), "transfer-encoding": "chunked", ...headers },
    });
    request.write("begin");
    request.flushHeaders();
    const [response] = await once(request, "response");
    for (let i = 1; i <= 3; i++) {
      const [chunk] = await once(response, "data");
      expect(String(chunk)).toBe(`{"message":${i}}`);
      if (i < 3) request.write("go on");
    }
    request.destroy();
  });

  test("that does not come is a time-out, and an event", async () => {
    const { sandbox, tunnel, headers } = await begin();
    const answer = await requestIn(tunnel, { host: authority(), path: "/hang", headers });
    expect(answer).toMatchObject({ status: 504, reason: "upstream_timeout" });
    expect(await eventsOf(coffer, sandbox)).toMatchObject([{ error_code: "upstream_timeout", status: 504 }]);
    tunnel.destroy();
  });
});

test("100 MB go through both ways, and memory stays flat", async () => {
  const { sandbox, tunnel, headers } = await begin();
  const sizeBytes = 100 * mebibyte;
  const before = process.memoryUsage().rss;
  let peak = before;
  const timer = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage().rss);
  }, 20);
  const down = openRequest({
    createConnection: () => tunnel,
    path: "/100",
    headers: { host: authority(), ...headers },
  });
  down.end();
  const [response] = await once(down, "response");
  let received = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) received += chunk.byteLength;
  expect(received).toBe(sizeBytes);

  const second = await openTunnel(egress, sandbox, host);
  const up = openRequest({
    ...{ createConnection: () => second, method: "POST", path: "/sink" },
    headers: { host: authority(), ...headers, "content-length": String(sizeBytes) },
  });
  const block = Buffer.alloc(mebibyte, "x");
  const answered = once(up, "response");
  for (let i = 0; i < 100; i++) if (!up.write(block)) await once(up, "drain");
  up.end();
  const [answer] = await answered;
  expect(String((await once(answer, "data"))[0])).toBe(String(sizeBytes));
  clearInterval(timer);
  expect(peak - before).toBeLessThan(150 * mebibyte);
  await until("the bytes are noted", async () => {
    const events = await eventsOf(coffer, sandbox);
    return Number(events[0]?.["response_bytes"]) === sizeBytes && Number(events[1]?.["request_bytes"]) === sizeBytes;
  });
  tunnel.destroy();
  second.destroy();
});

describe("a WebSocket", () => {
  const handshake = (authorization: string) =>
    `GET /ws HTTP/1.1\r\nHost: ${authority()}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
    `Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nAuthorization: ${authorization}\r\n\r\n`;

  test("has the value in its handshake, then bytes both ways, until its secret is detached", async () => {
    const { sandbox, tunnel, headers } = await begin();
    tunnel.write(handshake(headers.authorization));
    const [head] = await once(tunnel, "data");
    expect(String(head)).toMatch(/^HTTP\/1\.1 101 /);
    expect(String(head)).toContain(`X-Echo: ${headers.authorization}`);
    tunnel.write("hello");
    expect(String((await once(tunnel, "data"))[0])).toBe("echo hello");
    writeEvery(tunnel, 300, ".");
    await coffer.sql("update sandbox_binding set revoke_time = now() where sandbox_id = $1", [sandbox.id]);
    tunnel.on("error", () => {});
    tunnel.resume();
    const startMs = performance.now();
    await once(tunnel, "close");
    expect(performance.now() - startMs).toBeLessThan(2_500);
    expect(await eventsOf(coffer, sandbox)).toMatchObject([{ status: 101, upstream_status: 101 }]);
  });

  test("is refused with a placeholder elsewhere", async () => {
    const { tunnel, placeholder } = await begin();
    expect(await sendRaw(tunnel, handshake(`Bearer x${placeholder}`))).toContain("credential_misplaced");
  });
});
