// Tunnels that the proxy does not read: bytes as they are, counted, and no longer than the sandbox and the workspace allow.
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import { Client } from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { useCoffer } from "../support/coffer.ts";
import {
  basicAuth,
  connectProxy,
  connectTunnel,
  eventsOf,
  makeSandbox,
  sendRaw,
  type TestSandbox,
  useEgress,
} from "../support/egress.ts";
import { requestIn } from "../support/egress-request.ts";
import { until } from "../support/poll.ts";
import { setUnmatched as setUnmatchedOf } from "../support/signed-rows.ts";

const host = "free.upstream.test";
const rawHost = "raw.upstream.test";
const coffer = useCoffer();
const egress = useEgress(coffer, {
  hosts: [host, rawHost],
  env: { COFFER_EGRESS_ALLOW_PRIVATE: "127.0.0.1,127.0.0.3" },
  timeouts: { recheckMs: 200, dialMs: 1_000 },
});
const authority = (name = host) => `${name}:${egress.upstreamPort}`;

/** Answers every byte with a large text that ends, so that much is on its way when it closes. */
let raw: Server;
let rawSockets: Socket[] = [];
const large = randomBytes(16 * 1024 * 1024 + 1_000);
beforeAll(async () => {
  raw = createServer((socket) => {
    rawSockets.push(socket);
    socket.on("error", () => {});
    socket.on("data", () => socket.end(large));
  });
  raw.listen(egress.upstreamPort, "127.0.0.3");
  await once(raw, "listening");
  egress.dns.answers.set(rawHost, [["127.0.0.3"]]);
});
afterAll(() => {
  for (const socket of rawSockets) socket.destroy();
  raw.close();
});
beforeEach(() => {
  rawSockets = [];
});

const setUnmatched = (unmatched: "ALLOW" | "DENY", { workspaceId }: Pick<TestSandbox, "workspaceId">) =>
  setUnmatchedOf(coffer, workspaceId, unmatched);

async function begin() {
  const sandbox = await makeSandbox(coffer);
  await setUnmatched("ALLOW", sandbox);
  onTestFinished(() => setUnmatched("DENY", sandbox));
  return sandbox;
}

async function open(sandbox: TestSandbox, name = host): Promise<Socket> {
  const { head, socket } = await connectTunnel(egress, sandbox.token, authority(name));
  expect(head).toMatch(/^HTTP\/1\.1 200 /);
  onTestFinished(() => void socket.destroy());
  return socket;
}

async function closedWithinMs(socket: Socket): Promise<number> {
  const start = performance.now();
  socket.resume();
  // It may be closed already.
  if (!socket.closed) await Promise.race([once(socket, "close"), sleep(5_000)]);
  return performance.now() - start;
}

describe("a tunnel to a host of no secret, where the workspace allows it", () => {
  test("leads to the host itself, under its own certificate, and its bytes are counted", async () => {
    const sandbox = await begin();
    const socket = await open(sandbox);
    const secured = connectTls({ socket, servername: host, rejectUnauthorized: false });
    await once(secured, "secureConnect");
    // Its issuer is not the workspace's authority, whose name has the workspace's id.
    const { issuer, subject } = secured.getPeerCertificate();
    expect(JSON.stringify([issuer, subject])).not.toContain(sandbox.workspaceId);
    const answer = await requestIn(secured, {
      host: authority(),
      path: "/x",
      headers: { "x-forwarded-for": "1.2.3.4" },
    });
    expect(answer.status).toBe(200);
    // Nothing is taken out, since nothing is read.
    expect(egress.seen.at(-1)?.headers).toMatchObject({ "x-forwarded-for": "1.2.3.4" });
    const [{ request_bytes: before } = {}] = await eventsOf(coffer, sandbox);
    expect(before).toBe("0");
    secured.end();
    await once(socket, "close");
    const { bytesWritten: sent, bytesRead: received } = socket;
    await until("the bytes are noted", async () => {
      const [event] = await eventsOf(coffer, sandbox);
      return event?.["request_bytes"] !== "0";
    });
    const [event, ...others] = await eventsOf(coffer, sandbox);
    expect(others).toEqual([]);
    expect(event).toMatchObject({ secret_id: null, method: "CONNECT", host, status: 200, error_code: "" });
    const head = { up: connectHeadBytes(sandbox), down: "HTTP/1.1 200 Connection Established\r\n\r\n".length };
    expect(Number(event?.["request_bytes"])).toBe(sent - head.up);
    expect(Number(event?.["response_bytes"])).toBe(received - head.down);
  });

  function connectHeadBytes({ token }: TestSandbox): number {
    const proxyAuthorization = `Proxy-Authorization: ${basicAuth(token)}`;
    return `CONNECT ${authority()} HTTP/1.1\r\nHost: ${authority()}\r\n${proxyAuthorization}\r\n\r\n`.length;
  }

  test("brings all that a host sends before it closes, also to one who reads slowly", async () => {
    const socket = await open(await begin(), rawHost);
    socket.write("x");
    const chunks: Buffer[] = [];
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      // So that what lies between is full all the time.
      await sleep(1);
    }
    const received = Buffer.concat(chunks);
    expect(received.byteLength).toBe(large.byteLength);
    expect(received.equals(large)).toBe(true);
  });

  test("to a host that breaks it off before anything is answered is over, and harms nobody", async () => {
    const sandbox = await begin();
    const client = new Client(coffer.databaseUrl);
    await client.connect();
    onTestFinished(() => client.end());
    await client.query("begin");
    await client.query("lock table egress_event in exclusive mode");
    const opening = connectTunnel(egress, sandbox.token, authority(rawHost));
    await until("the host is connected", async () => rawSockets.length > 0);
    for (const socket of rawSockets) socket.resetAndDestroy();
    await sleep(100);
    await client.query("commit");
    const { socket } = await opening;
    expect(await closedWithinMs(socket)).toBeLessThan(1_000);
    expect((await fetch(`${egress.url}/healthz`)).status).toBe(200);
  });

  test("whose client has gone is over for the host, too", async () => {
    const socket = await open(await begin(), rawHost);
    expect(rawSockets).toHaveLength(1);
    socket.resetAndDestroy();
    await until("the host is disconnected", async () => rawSockets.every(({ closed }) => closed), 2_000);
  });

  test.each([
    ["the sandbox is deleted", "update sandbox set delete_time = now() where sandbox_id = $1", "credential_revoked"],
    [
      "the workspace allows it no longer",
      "update workspace set egress_unmatched = 'DENY' where workspace_id in (select workspace_id from sandbox where sandbox_id = $1)",
      "unmatched_host_denied",
    ],
  ])("is closed within two seconds once %s", async (_, change, code) => {
    const sandbox = await begin();
    const socket = await open(sandbox, rawHost);
    expect(rawSockets).toHaveLength(1);
    await coffer.sql(change, [sandbox.id]);
    expect(await closedWithinMs(socket)).toBeLessThan(2_000);
    await until("the host is disconnected", async () => rawSockets.every(({ closed }) => closed), 2_000);
    await until("the event says why", async () => (await eventsOf(coffer, sandbox))[0]?.["error_code"] === code);
  });

  test.each(["127.0.0.2", "10.0.0.1", "169.254.169.254", "::1", "64:ff9b::7f00:1"])(
    "is none when its name leads to %s",
    async (address) => {
      const sandbox = await begin();
      egress.dns.answers.set("inside.upstream.test", [["127.0.0.1", address]]);
      const { head } = await connectTunnel(egress, sandbox.token, authority("inside.upstream.test"));
      expect(head).toMatch(/^HTTP\/1\.1 403 .*Proxy-Reason: host_denied\r\n/s);
      expect(await eventsOf(coffer, sandbox)).toMatchObject([{ status: 403, error_code: "host_denied" }]);
    },
  );
});

test("a request in clear to a host of no secret goes on under TLS where it is allowed, and is refused elsewhere", async () => {
  const sandbox = await begin();
  const ask = () =>
    sendRaw(
      connectProxy(egress),
      `GET http://${authority()}/free HTTP/1.1\r\nHost: ${authority()}\r\nConnection: close\r\n` +
        `Proxy-Authorization: ${basicAuth(sandbox.token)}\r\nAuthorization: Bearer own\r\n\r\n`,
    );
  expect(await ask()).toMatch(/^HTTP\/1\.1 200 .*x-echo: Bearer own\r\n/is);
  expect(egress.seen.at(-1)).toMatchObject({ url: "/free", headers: { authorization: "Bearer own" } });
  expect(egress.seen.at(-1)?.headers).not.toHaveProperty("proxy-authorization");
  await setUnmatched("DENY", sandbox);
  await sleep(1_100);
  expect(await ask()).toMatch(/^HTTP\/1\.1 403 .*Proxy-Reason: unmatched_host_denied\r\n/s);
  expect(await eventsOf(coffer, sandbox)).toMatchObject([
    { method: "GET", path: "/free", status: 200, error_code: "" },
    { method: "GET", path: "/free", status: 403, error_code: "unmatched_host_denied" },
  ]);
});
