// A workspace's certificate authority, and the key that seals it: destroyed, another takes its place; disabled, it is said until it is enabled.
import pino from "pino";
import { expect, onTestFinished, test } from "vitest";
import { createEgressApp } from "../../src/compose/egress-app.ts";
import { loadConfig } from "../../src/config/config.ts";
import { destroyKeys } from "../../src/jobs/destroy-keys.ts";
import { useCoffer } from "../support/coffer.ts";
import {
  bearerFor,
  bindSecret,
  caOf,
  connectTunnel,
  eventsOf,
  makeSandbox,
  openTunnel,
  type TestEgress,
  useEgress,
} from "../support/egress.ts";
import { requestIn } from "../support/egress-request.ts";
import { run } from "../support/jobs.ts";
import { getKey, makeDestructionDue } from "../support/keys.ts";

const host = "api.upstream.test";
const coffer = useCoffer();
const egress = useEgress(coffer, { hosts: [host] });

/** A proxy that has nothing in its memory yet, for the same hosts and sandboxes. */
async function newProxy(): Promise<TestEgress> {
  const config = { ...coffer.config, egress: loadConfig(egress.env).egress };
  const app = await createEgressApp(config, pino({ level: "silent" }), coffer.deps);
  onTestFinished(() => app.close());
  const { url } = await app.listen();
  return { ...egress, url, port: Number(new URL(url).port) };
}

async function begin() {
  const sandbox = await makeSandbox(coffer);
  const { placeholder } = await bindSecret(coffer, sandbox, "a-value", bearerFor(host));
  return { sandbox, headers: { authorization: `Bearer ${placeholder}` } };
}

const storedCa = async () => (await coffer.sql("select ca_id, kms_key_id from egress_ca"))[0] ?? {};
const authority = () => `${host}:${egress.upstreamPort}`;

test("an authority whose key is disabled is no authority, which is said, until the key is enabled again", async () => {
  const { sandbox, headers } = await begin();
  const before = await caOf(egress, sandbox);
  const id = String((await storedCa())["kms_key_id"]);
  const proxy = await newProxy();
  await coffer.clients().keys.disableKey({ id });
  const { head } = await connectTunnel(proxy, sandbox.token, authority());
  expect(head).toMatch(/^HTTP\/1\.1 502 .*Proxy-Reason: inject_error\r\n/s);
  const certificate = await fetch(`${proxy.url}/ca.pem`, { headers: { authorization: `Bearer ${sandbox.token}` } });
  expect([certificate.status, certificate.headers.get("x-superserve-proxy-reason")]).toEqual([502, "inject_error"]);
  expect(await eventsOf(coffer, sandbox)).toMatchObject([
    { method: "CONNECT", host, status: 502, upstream_status: null, error_code: "inject_error" },
  ]);

  await coffer.clients().keys.enableKey({ id });
  expect(await caOf(proxy, sandbox)).toBe(before);
  const tunnel = await openTunnel(proxy, sandbox, host);
  expect((await requestIn(tunnel, { host: authority(), headers })).status).toBe(200);
  tunnel.destroy();
});

test("an authority whose key is destroyed is replaced by another one, the same for all proxies", async () => {
  const first = await begin();
  const before = await caOf(egress, first.sandbox);
  const { ca_id: caIdBefore, kms_key_id: kmsKeyId } = await storedCa();
  await makeDestructionDue(coffer, await getKey(coffer, { id: String(kmsKeyId) }));
  await run(coffer, destroyKeys);
  const proxies = await Promise.all([newProxy(), newProxy()]);
  const [one, two] = await Promise.all(proxies.map((proxy) => caOf(proxy, first.sandbox)));
  expect(one).not.toBe(before);
  expect(two).toBe(one);
  expect((await storedCa())["ca_id"]).not.toBe(caIdBefore);
});
