// A fresh token for a sandbox: the earlier one opens nothing on any proxy within two seconds, and what it had opened ends.
import { once } from "node:events";
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import { expect, onTestFinished, test } from "vitest";
import { useCoffer } from "../support/coffer.ts";
import {
  connectTunnel,
  eventsOf,
  openTunnel,
  type TestEgress,
  type TestSandbox,
  useEgress,
} from "../support/egress.ts";
import { requestIn } from "../support/egress-request.ts";
import { createEgressSecret } from "../support/egress-secrets.ts";
import { until } from "../support/poll.ts";
import { data, newName, present } from "../support/secrets.ts";
import { setUnmatched } from "../support/signed-rows.ts";

const host = "api.upstream.test";
const free = "free.upstream.test";
const coffer = useCoffer();
const options = { hosts: [host, free] };
const proxies = [useEgress(coffer, options), useEgress(coffer, options)];

async function begin() {
  const egress = { auth: { type: "bearer" }, hosts: [host] };
  const secret = await createEgressSecret(coffer, { value: data("the-value"), egress });
  const { sandbox, token } = await coffer
    .clients()
    .egress.createSandbox({ name: "agent", secrets: { KEY: secret.name }, envVars: { MODE: "test" } });
  const { id, workspaceId, secrets } = present(sandbox);
  return { id, workspaceId, token, placeholder: secrets[0]?.placeholder ?? "" };
}

async function statusOf(proxy: TestEgress, token: string): Promise<number> {
  const { head, socket } = await connectTunnel(proxy, token, `${host}:${proxy.upstreamPort}`);
  socket.destroy();
  return Number(head.split(" ")[1]);
}

test("the old token ends on every proxy, and the new one has the same placeholders", async () => {
  const { placeholder, ...sandbox } = await begin();
  for (const proxy of proxies) expect(await statusOf(proxy, sandbox.token)).toBe(200);
  const tunnels = await Promise.all(proxies.map((proxy) => openTunnel(proxy, sandbox, host)));
  const start = performance.now();
  const rotated = await coffer.clients().egress.rotateSandboxToken({ id: sandbox.id });
  expect(rotated.sandbox).toMatchObject({ id: sandbox.id, envVars: { MODE: "test" }, secrets: [{ placeholder }] });
  for (const proxy of proxies) expect(await statusOf(proxy, rotated.token)).toBe(200);
  await until(
    "the old token opens nothing",
    async () => (await Promise.all(proxies.map((proxy) => statusOf(proxy, sandbox.token)))).join() === "407,407",
    2_000,
  );
  expect(performance.now() - start).toBeLessThan(2_000);
  const headers = { authorization: `Bearer ${placeholder}` };
  for (const [i, proxy] of proxies.entries()) {
    const authority = `${host}:${proxy.upstreamPort}`;
    const old = await requestIn(tunnels[i] as Socket, { host: authority, headers });
    expect([old.status, old.reason]).toEqual([407, "proxy_authentication_required"]);
    const fresh = await openTunnel(proxy, { ...sandbox, token: rotated.token }, host);
    expect((await requestIn(fresh, { host: authority, headers })).status).toBe(200);
    expect(proxy.seen.at(-1)?.headers.authorization).toBe("Bearer the-value");
    fresh.destroy();
  }
});

test("a tunnel that the proxy does not read ends as it does for a deleted sandbox", async () => {
  const sandbox = await begin();
  await setUnmatched(coffer, sandbox.workspaceId, "ALLOW");
  onTestFinished(() => setUnmatched(coffer, sandbox.workspaceId, "DENY"));
  await sleep(1_100);
  const [proxy] = proxies as [TestEgress, TestEgress];
  const { head, socket } = await connectTunnel(proxy, sandbox.token, `${free}:${proxy.upstreamPort}`);
  expect(head).toMatch(/^HTTP\/1\.1 200 /);
  const secured = connectTls({ socket, servername: free, rejectUnauthorized: false });
  secured.on("error", () => {});
  await once(secured, "secureConnect");
  const start = performance.now();
  await coffer.clients().egress.rotateSandboxToken({ id: sandbox.id });
  socket.resume();
  if (!socket.closed) await once(socket, "close");
  expect(performance.now() - start).toBeLessThan(2_500);
  await until(
    "the event says why",
    async () => (await eventsOf(coffer, sandbox as TestSandbox)).at(-1)?.["error_code"] === "credential_revoked",
  );
});

test("of many at once each is a token, and the last one is the only one that opens the proxy", async () => {
  const { id } = await begin();
  const rotate = () => coffer.clients().egress.rotateSandboxToken({ id });
  const tokens = (await Promise.all(Array.from({ length: 6 }, rotate))).map(({ token }) => token);
  expect(new Set(tokens).size).toBe(6);
  const [proxy] = proxies as [TestEgress, TestEgress];
  await sleep(1_100);
  const statuses = await Promise.all(tokens.map((token) => statusOf(proxy, token)));
  expect(statuses.toSorted((a, b) => a - b)).toEqual([200, ...Array(5).fill(407)]);
});

test("a retry with its idempotency key rotates nothing, and has no token", async () => {
  const { id } = await begin();
  const call = { headers: { "idempotency-key": newName() } };
  const { token } = await coffer.clients().egress.rotateSandboxToken({ id }, call);
  const again = await coffer.clients().egress.rotateSandboxToken({ id }, call);
  expect([again.token, again.proxyUrl, again.sandbox?.id]).toEqual(["", "", id]);
  const [proxy] = proxies as [TestEgress, TestEgress];
  expect(await statusOf(proxy, token)).toBe(200);
});
