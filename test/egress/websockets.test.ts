// WebSockets: what the handshake may hold, hosts that refuse it, bytes that come early, limits, and an end within two seconds.
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, onTestFinished, test } from "vitest";
import { useCoffer } from "../support/coffer.ts";
import { bearerFor, bindSecret, eventsOf, makeSandbox, openTunnel, sendRaw, useEgress } from "../support/egress.ts";
import { until } from "../support/poll.ts";
import { writeEvery } from "../support/write-every.ts";

const host = "api.upstream.test";
const value = "a-websocket-credential";
const idleMs = 600;
const coffer = useCoffer();
const asked: string[] = [];
let hostSocketCloses = 0;
const egress = useEgress(coffer, {
  hosts: [host],
  timeouts: { recheckMs: 200, idleMs, answerMs: idleMs },
  answer: (_, response) => response.end("no upgrade came"),
  upgrade: ({ url, headers }, socket, early) => {
    asked.push(`${url} ${headers.authorization}`);
    socket.on("error", () => {});
    socket.on("close", () => hostSocketCloses++);
    if (url === "/refuse") {
      socket.end(`HTTP/1.1 401 No ${value}\r\nX-Why: ${headers.authorization}\r\nContent-Length: 4\r\n\r\nbody`);
      return;
    }
    if (url === "/silent") return;
    if (url === "/h2c") {
      socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n");
      return;
    }
    const head = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    // The first bytes of the host come with the head, in one piece.
    socket.write(`${head}first;`);
    const echo = (chunk: Buffer) => socket.write(`echo ${chunk.toString("latin1")};`);
    if (early.byteLength > 0) echo(early);
    socket.on("data", echo);
  },
});
const authority = () => `${host}:${egress.upstreamPort}`;

async function begin(rule = bearerFor(host)) {
  const sandbox = await makeSandbox(coffer);
  const bound = await bindSecret(coffer, sandbox, value, rule);
  const tunnel = await openTunnel(egress, sandbox, host);
  onTestFinished(() => void tunnel.destroy());
  return { sandbox, ...bound, tunnel };
}

const handshake = (headers: string, path = "/ws") =>
  `GET ${path} HTTP/1.1\r\nHost: ${authority()}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${headers}\r\n\r\n`;

/** Collects the received data, and the time until the end. */
function reader(socket: Socket) {
  let text = "";
  let closedMs: number | undefined;
  socket.on("data", (chunk: Buffer) => {
    text += chunk.toString("latin1");
  });
  socket.on("error", () => {});
  socket.on("close", () => {
    closedMs = performance.now();
  });
  return { text: () => text, closedMs: () => closedMs };
}

describe("a WebSocket", () => {
  test("brings bytes that come early, both ways, and counts them", async () => {
    const { sandbox, placeholder, tunnel } = await begin();
    const read = reader(tunnel);
    tunnel.write(`${handshake(`Authorization: Bearer ${placeholder}`)}early`);
    await until("it is echoed", async () => read.text().endsWith("first;echo early;"), 2_000);
    expect(read.text()).toMatch(/^HTTP\/1\.1 101 /);
    expect(asked.at(-1)).toBe(`/ws Bearer ${value}`);
    tunnel.destroy();
    await until("its bytes are noted", async () => {
      const [event] = await eventsOf(coffer, sandbox);
      return event?.["request_bytes"] === "5" && event["response_bytes"] === String("first;echo early;".length);
    });
    expect(await eventsOf(coffer, sandbox)).toMatchObject([{ status: 101, error_code: "" }]);
  });

  test("lives for longer than a host may be silent, as long as it is not", async () => {
    const { placeholder, tunnel } = await begin();
    const read = reader(tunnel);
    tunnel.write(handshake(`Authorization: Bearer ${placeholder}`));
    for (let i = 0; i < 6; i++) {
      await sleep(200);
      tunnel.write(String(i));
    }
    await until("the last one is echoed", async () => read.text().includes("echo 5;"), 2_000);
    expect(read.closedMs()).toBeUndefined();
  });

  test("in which nothing is said any more is over, and the event says why", async () => {
    const { sandbox, placeholder, tunnel } = await begin();
    const read = reader(tunnel);
    const closes = hostSocketCloses;
    tunnel.write(handshake(`Authorization: Bearer ${placeholder}`));
    await until("it is over", async () => read.closedMs() !== undefined, 3_000);
    await until("for the host, too", async () => hostSocketCloses > closes, 1_000);
    await until("it is noted", async () => (await eventsOf(coffer, sandbox))[0]?.["error_code"] !== "");
    expect(await eventsOf(coffer, sandbox)).toMatchObject([{ status: 101, error_code: "upstream_timeout" }]);
  });

  test.each([
    ["its secret is detached", "update sandbox_binding set revoke_time = now() where sandbox_id = $1"],
    ["its sandbox is deleted", "update sandbox set delete_time = now() where sandbox_id = $1"],
  ])("is closed on both sides within two seconds once %s", async (_, change) => {
    const { sandbox, placeholder, tunnel } = await begin();
    const read = reader(tunnel);
    tunnel.write(handshake(`Authorization: Bearer ${placeholder}`));
    await until("it is open", async () => read.text().includes("first;"));
    onTestFinished(writeEvery(tunnel, 100, "."));
    const closes = hostSocketCloses;
    await coffer.sql(change, [sandbox.id]);
    const start = performance.now();
    await until("it is closed", async () => read.closedMs() !== undefined && hostSocketCloses > closes, 4_000);
    expect((read.closedMs() ?? 0) - start).toBeLessThan(2_000);
    await until("the event says why", async () => {
      const [event] = await eventsOf(coffer, sandbox);
      return event?.["error_code"] === "credential_revoked";
    });
  });

  test("counts against the bytes of its rule, is broken off by them, and none is let in after it", async () => {
    const limits = { methods: [], pathPrefixes: [], bytesPerHour: 5_000 };
    const { sandbox, secretId, placeholder, tunnel } = await begin({ ...bearerFor(host), limits });
    const read = reader(tunnel);
    tunnel.write(handshake(`Authorization: Bearer ${placeholder}`));
    await until("it is open", async () => read.text().includes("first;"));
    for (let i = 0; i < 20 && read.closedMs() === undefined; i++) {
      tunnel.write("x".repeat(500));
      await sleep(20);
    }
    await until("it is closed", async () => read.closedMs() !== undefined, 1_000);
    expect(read.text().length).toBeLessThan(5_000);
    await until("the event says why", async () => {
      const [event] = await eventsOf(coffer, sandbox);
      return event?.["error_code"] === "byte_cap_reached";
    });
    const again = await openTunnel(egress, sandbox, host);
    const before = asked.length;
    expect(await sendRaw(again, handshake(`Authorization: Bearer ${placeholder}`))).toMatch(
      /^HTTP\/1\.1 429 .*Proxy-Reason: byte_cap_reached\r\n/s,
    );
    expect(asked).toHaveLength(before);
    expect((await eventsOf(coffer, sandbox)).at(-1)).toMatchObject({
      ...{ secret_id: secretId, status: 429, error_code: "byte_cap_reached" },
    });
  });
});

describe("the handshake", () => {
  test("that the host refuses is its answer, without the value, and the end", async () => {
    const { sandbox, placeholder, tunnel } = await begin();
    const answer = await sendRaw(tunnel, handshake(`Authorization: Bearer ${placeholder}`, "/refuse"));
    expect(answer).toMatch(/^HTTP\/1\.1 401 /);
    expect(answer).toContain(`X-Why: Bearer ${placeholder}\r\n`);
    expect(answer).not.toContain(value);
    expect(await eventsOf(coffer, sandbox)).toMatchObject([{ status: 401, upstream_status: 401, error_code: "" }]);
  });

  test("that the host answers with another protocol is 502, and the end", async () => {
    const { sandbox, secretId, placeholder, tunnel } = await begin();
    const answer = await sendRaw(tunnel, handshake(`Authorization: Bearer ${placeholder}`, "/h2c"));
    expect(answer).toMatch(/^HTTP\/1\.1 502 .*Proxy-Reason: upstream_unreachable\r\n/s);
    expect(await eventsOf(coffer, sandbox)).toMatchObject([
      { secret_id: secretId, status: 502, upstream_status: null, error_code: "upstream_unreachable" },
    ]);
  });

  test("that the host never answers is a time-out, and an event", async () => {
    const { sandbox, secretId, placeholder, tunnel } = await begin();
    const answer = await sendRaw(tunnel, handshake(`Authorization: Bearer ${placeholder}`, "/silent"));
    expect(answer).toMatch(/^HTTP\/1\.1 504 .*Proxy-Reason: upstream_timeout\r\n/s);
    expect(await eventsOf(coffer, sandbox)).toMatchObject([
      { secret_id: secretId, status: 504, upstream_status: null, error_code: "upstream_timeout" },
    ]);
  });

  test.each([
    ["Sec-WebSocket-Protocol", (p: string) => `Sec-WebSocket-Protocol: ${p}`, "/ws"],
    ["Sec-WebSocket-Key", (p: string) => `Sec-WebSocket-Key: ${p}`, "/ws"],
    ["Cookie", (p: string) => `Cookie: a=${p}`, "/ws"],
    ["its slot and another", (p: string) => `Authorization: Bearer ${p}\r\nOrigin: https://${p}`, "/ws"],
    ["its slot, but not alone", (p: string) => `Authorization: Bearer x${p}`, "/ws"],
    ["the URL", (p: string) => `X-A: ${p.length}`, "/ws?token="],
  ])("with a placeholder in %s is refused, and never swapped", async (_, headers, path) => {
    const { sandbox, secretId, placeholder, tunnel } = await begin();
    const before = asked.length;
    const target = path.endsWith("=") ? path + placeholder : path;
    expect(await sendRaw(tunnel, handshake(headers(placeholder), target))).toMatch(
      /^HTTP\/1\.1 403 .*Proxy-Reason: credential_misplaced\r\n/s,
    );
    expect(asked).toHaveLength(before);
    expect(await eventsOf(coffer, sandbox)).toMatchObject([
      { secret_id: secretId, status: 403, error_code: "credential_misplaced" },
    ]);
  });
});
