// A sandbox that asks for what it may not have, as fast as it can: it fills neither the database nor the log.
import { describe, expect, test } from "vitest";
import { newSandboxToken } from "../../src/steps/egress/sandbox-token.ts";
import { useCoffer } from "../support/coffer.ts";
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
  useEgress,
} from "../support/egress.ts";
import { requestIn } from "../support/egress-request.ts";
import { until } from "../support/poll.ts";

const host = "api.upstream.test";
const limit = 600;
const guesses = 20;
const coffer = useCoffer();
const egress = useEgress(coffer, {
  hosts: [host],
  env: { COFFER_EGRESS_SANDBOX_RPM: String(limit), COFFER_RATE_LIMIT_UNAUTHENTICATED: String(guesses) },
});

/** Sends refused CONNECTs over one connection each, 16 at a time; returns how often each status came. */
async function flood(token: string, count: number, authorityOf: (i: number) => string) {
  const statuses: { [status: string]: number } = {};
  let next = 0;
  const worker = async () => {
    for (let i = next++; i < count; i = next++) {
      const { head, socket } = await connectTunnel(egress, token, authorityOf(i));
      socket.destroy();
      const status = head.split(" ")[1] ?? "";
      statuses[status] = (statuses[status] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: 16 }, worker));
  return statuses;
}

const countOf = (events: readonly Record<string, unknown>[]) =>
  events.reduce((sum, { occurrences }) => sum + Number(occurrences), 0);

describe("refused tunnels", () => {
  test("of one kind are two events: the first, and one that counts the others", async () => {
    const sandbox = await makeSandbox(coffer);
    expect(await flood(sandbox.token, 300, () => "elsewhere.test:443")).toEqual({ 403: 300 });
    expect(await eventsOf(coffer, sandbox)).toMatchObject([{ error_code: "unmatched_host_denied", occurrences: 1 }]);
    await until("the others are counted", async () => countOf(await eventsOf(coffer, sandbox)) === 300, 15_000);
    const lines = egress.logLines.filter((line) => line.includes(sandbox.id));
    expect(lines).toHaveLength(2);
    expect(await eventsOf(coffer, sandbox)).toMatchObject([
      { method: "CONNECT", host: "elsewhere.test", occurrences: 1 },
      { method: "CONNECT", host: "elsewhere.test", status: 403, error_code: "unmatched_host_denied", occurrences: 299 },
    ]);
    const { egressEvents } = await coffer.clients().egress.listEgressEvents({ sandboxId: sandbox.id });
    expect(egressEvents.map(({ occurrences }) => occurrences)).toEqual([299, 1]);
  });

  test("to ever new hosts are some forty events, and past the sandbox's limit 429", async () => {
    const sandbox = await makeSandbox(coffer);
    const statuses = await flood(sandbox.token, limit + 400, (i) => `host-${i}.elsewhere.test:443`);
    expect(statuses).toEqual({ 403: limit, 429: 400 });
    await until("all are counted", async () => countOf(await eventsOf(coffer, sandbox)) === limit + 400, 15_000);
    const events = await eventsOf(coffer, sandbox);
    expect(events.length).toBeLessThanOrEqual(70);
    expect(events.filter((event) => event["host"] === "*")).toMatchObject([{ method: "*", path: "" }]);
  });
});

test("every request of a sandbox counts, of whatever form, and another sandbox is not concerned", async () => {
  const sandbox = await makeSandbox(coffer);
  const { placeholder } = await bindSecret(coffer, sandbox, "a-value", bearerFor(host));
  const authority = `${host}:${egress.upstreamPort}`;
  const headers = { authorization: `Bearer ${placeholder}` };
  // One for the certificate, one for the tunnel.
  const tunnel = await openTunnel(egress, sandbox, host);
  await flood(sandbox.token, limit - 4, () => "elsewhere.test:443");
  expect((await requestIn(tunnel, { host: authority, headers })).status).toBe(200);
  expect((await requestIn(tunnel, { host: authority, path: "/x", headers })).status).toBe(200);
  const refused = await requestIn(tunnel, { host: authority, headers });
  expect(refused).toMatchObject({ status: 429, reason: "rate_limited" });
  expect(Number(refused.headers["retry-after"])).toBeGreaterThan(0);
  const inClear = await fetchInClear(sandbox.token, authority);
  expect(inClear).toMatch(/^HTTP\/1\.1 429 .*Proxy-Reason: rate_limited\r\n/s);
  const certificate = await fetch(`${egress.url}/ca.pem`, { headers: { authorization: `Bearer ${sandbox.token}` } });
  expect(certificate.status).toBe(429);
  expect(await caOf(egress, await makeSandbox(coffer))).toContain("BEGIN CERTIFICATE");
  tunnel.destroy();
});

describe("tokens that are none", () => {
  const answersTo = async (token: string) => {
    const { head, socket } = await connectTunnel(egress, token, "elsewhere.test:443");
    socket.destroy();
    return head;
  };

  test("are 429 after a minute's number, without a look-up and a line each, and a known sandbox is let in", async () => {
    const known = await makeSandbox(coffer);
    await caOf(egress, known);
    const statuses = await flood("garbage", 3 * guesses, () => "elsewhere.test:443");
    expect(statuses).toEqual({ 407: guesses, 429: 2 * guesses });
    expect(await answersTo("garbage")).toMatch(/^HTTP\/1\.1 429 .*Retry-After: [1-9]/s);
    const lines = egress.logLines.filter((line) => line.includes("no valid sandbox token"));
    expect(lines.length).toBeLessThanOrEqual(guesses);
    expect(await answersTo(known.token)).toMatch(/^HTTP\/1\.1 403 /);
    // Neither does it keep out a sandbox that the proxy has not seen yet.
    expect(await answersTo((await makeSandbox(coffer)).token)).toMatch(/^HTTP\/1\.1 403 /);
  });

  test("but have a token's form are looked up ten times as often, and no more", async () => {
    const known = await makeSandbox(coffer);
    await caOf(egress, known);
    // Tokens of the deployment that are no sandboxes': their form and checksum are right.
    const form = () => newSandboxToken(coffer.deps).text;
    const statuses: Record<string, number> = {};
    for (let i = 0; i < 10 * guesses + 20; i++) {
      const status = (await answersTo(form())).split(" ")[1] ?? "";
      statuses[status] = (statuses[status] ?? 0) + 1;
    }
    expect(statuses).toEqual({ 407: 10 * guesses, 429: 20 });
    expect(await answersTo(known.token)).toMatch(/^HTTP\/1\.1 403 /);
  });
});

async function fetchInClear(token: string, authority: string): Promise<string> {
  const socket = connectProxy(egress);
  socket.write(
    `GET http://${authority}/ HTTP/1.1\r\nHost: ${authority}\r\nConnection: close\r\n` +
      `Proxy-Authorization: ${basicAuth(token)}\r\n\r\n`,
  );
  let text = "";
  for await (const chunk of socket) text += String(chunk);
  return text;
}
