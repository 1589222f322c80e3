// Postgres away, or hanging: without its event nothing is answered, and nothing of the host's answer gets out; it heals by itself.
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { startCoffer, type TestCoffer, useCoffer } from "../support/coffer.ts";
import {
  basicAuth,
  bearerFor,
  bindSecret,
  caOf,
  connectProxy,
  connectTunnel,
  eventsOf,
  makeSandbox,
  openTunnel,
  sendRaw,
  useEgress,
} from "../support/egress.ts";
import { requestIn } from "../support/egress-request.ts";
import { until } from "../support/poll.ts";
import { type PostgresProxy, startPostgresProxy } from "../support/postgres-proxy.ts";

const host = "api.upstream.test";
const answerText = "what-the-host-answered";
// Makes what a test needs by a way of its own, which does not break.
const direct = useCoffer({ redisUrl: null });
const coffer = {} as TestCoffer;
let proxy: PostgresProxy;
beforeAll(async () => {
  proxy = await startPostgresProxy();
  Object.assign(coffer, await startCoffer({ besides: direct, through: proxy.through, redisUrl: null }));
});
const seen: string[] = [];
const egress = useEgress(coffer, {
  hosts: [host],
  timeouts: { answerMs: 700, bodyMs: 700 },
  answer: (request, response) => {
    seen.push(request.url ?? "");
    if (request.url === "/broken") {
      response.writeHead(200, { "content-length": "100" });
      response.write("begun\n");
      setTimeout(() => request.socket.destroy(), 50);
      return;
    }
    response.setHeader("x-answer", answerText);
    response.end(answerText);
  },
  upgrade: ({ url }, socket) => {
    seen.push(url ?? "");
    socket.on("error", () => {});
    socket.write(`HTTP/1.1 101 OK\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-Answer: ${answerText}\r\n\r\n`);
  },
});
afterEach(() => proxy.heal());
afterAll(async () => {
  await coffer.close();
  await proxy.close();
});

const authority = () => `${host}:${egress.upstreamPort}`;

async function begin() {
  const sandbox = await makeSandbox(direct);
  const { placeholder } = await bindSecret(direct, sandbox, "a-value", bearerFor(host));
  const headers = { authorization: `Bearer ${placeholder}` };
  const tunnel = await openTunnel(egress, sandbox, host);
  onTestFinished(() => void tunnel.destroy());
  const ask = (path: string) => requestIn(tunnel, { host: authority(), path, headers });
  return { sandbox, headers, tunnel, ask };
}

/** Asks in new tunnels until the proxy answers again. */
async function expectHealed({ sandbox, headers }: Awaited<ReturnType<typeof begin>>) {
  await until("it has healed", async () => {
    const { head, socket } = await connectTunnel(egress, sandbox.token, authority());
    socket.destroy();
    return head.startsWith("HTTP/1.1 200");
  });
  const tunnel = await openTunnel(egress, sandbox, host);
  const answer = await requestIn(tunnel, { host: authority(), path: "/healed", headers });
  expect(answer).toMatchObject({ status: 200, body: answerText });
  tunnel.destroy();
  expect((await eventsOf(direct, sandbox)).at(-1)).toMatchObject({ path: "/healed", status: 200 });
}

describe.each(["cut", "freeze"] as const)("Postgres that is away (%s)", (how) => {
  test("lets no answer of a host through: 503, until it is back", async () => {
    const begun = await begin();
    const { sandbox, ask } = begun;
    expect((await ask("/before")).status).toBe(200);
    proxy[how]();
    const refused = await ask("/during");
    expect(refused).toMatchObject({ status: 503, reason: "events_unavailable" });
    expect(JSON.stringify(refused)).not.toContain(answerText);
    // The host was asked: what is held back is its answer.
    expect(seen).toContain("/during");
    proxy.heal();
    await expectHealed(begun);
    const paths = (await eventsOf(direct, sandbox)).map((event) => event["path"]);
    expect(paths.filter((path) => path !== "")).toEqual(["/before", "/healed"]);
  });

  test("lets no WebSocket begin", async () => {
    const begun = await begin();
    const { headers, tunnel, ask } = begun;
    expect((await ask("/before")).status).toBe(200);
    const closes = new Promise((resolve) => tunnel.once("close", resolve));
    proxy[how]();
    // Events are written over another connection for five seconds.
    if (how === "freeze") setTimeout(() => proxy.heal(), 6_000);
    const answer = await sendRaw(
      tunnel,
      `GET /socket HTTP/1.1\r\nHost: ${authority()}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        `Authorization: ${headers.authorization}\r\n\r\n`,
      10_000,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 503 .*Proxy-Reason: events_unavailable\r\n/s);
    expect(answer).not.toContain(answerText);
    expect(seen).toContain("/socket");
    await closes;
    proxy.heal();
    await expectHealed(begun);
  });
});

test("an answer that its host breaks off while its event is written is 502, and the event says so", async () => {
  const { sandbox, ask } = await begin();
  expect((await ask("/before")).status).toBe(200);
  const asked = await direct.deps.database.transaction(async (tx) => {
    await tx.query({ name: "lock", text: "lock table egress_event in exclusive mode", values: [] });
    const broken = ask("/broken");
    await sleep(300);
    return { broken };
  });
  expect(await asked.broken).toMatchObject({ status: 502, reason: "upstream_unreachable" });
  await until("the event says why", async () => {
    const [, event] = await eventsOf(direct, sandbox);
    return event?.["error_code"] === "upstream_unreachable" && event["status"] === 502;
  });
});

describe("Postgres that is away", () => {
  test("and does not know any more who asks, is said in tunnels, of tunnels, in clear and of the certificate", async () => {
    const begun = await begin();
    const { sandbox, headers, ask } = begun;
    await caOf(egress, sandbox);
    proxy.cut();
    // The cached sandbox is then too old.
    await sleep(1_100);
    const before = seen.length;
    expect(await ask("/unknown")).toMatchObject({ status: 503, reason: "events_unavailable" });
    const { head } = await connectTunnel(egress, sandbox.token, authority());
    expect(head).toMatch(/^HTTP\/1\.1 503 .*Proxy-Reason: events_unavailable\r\n/s);
    const certificate = await fetch(`${egress.url}/ca.pem`, { headers: { authorization: `Bearer ${sandbox.token}` } });
    expect([certificate.status, certificate.headers.get("x-superserve-proxy-reason")]).toEqual([
      503,
      "events_unavailable",
    ]);
    const inClear = await sendRaw(
      connectProxy(egress),
      `GET http://${authority()}/ HTTP/1.1\r\nHost: ${authority()}\r\nConnection: close\r\n` +
        `Proxy-Authorization: ${basicAuth(sandbox.token)}\r\nAuthorization: ${headers.authorization}\r\n\r\n`,
    );
    expect(inClear).toMatch(/^HTTP\/1\.1 503 .*Proxy-Reason: events_unavailable\r\n/s);
    expect(seen).toHaveLength(before);
    proxy.heal();
    await expectHealed(begun);
  });
});
