// Limits that a rule was given over the API, kept by the proxy: of one sandbox with the secret, and of no other.
import { expect, test } from "vitest";
import { useCoffer } from "../support/coffer.ts";
import { openTunnel, useEgress } from "../support/egress.ts";
import { requestIn } from "../support/egress-request.ts";
import { createEgressSecret } from "../support/egress-secrets.ts";
import { data, present } from "../support/secrets.ts";

const host = "api.upstream.test";
const coffer = useCoffer();
const egress = useEgress(coffer, { hosts: [host], env: { COFFER_EGRESS_RPM: "3", COFFER_EGRESS_BYTES: "100000" } });

/** A sandbox with the secret, and a request of it. */
async function use(name: string) {
  const made = await coffer.clients().egress.createSandbox({ name: "box", secrets: { KEY: name } });
  const { id, workspaceId, secrets } = present(made.sandbox);
  const headers = { authorization: `Bearer ${secrets[0]?.placeholder}` };
  return async () => {
    const tunnel = await openTunnel(egress, { id, workspaceId, token: made.token }, host);
    const { status, reason } = await requestIn(tunnel, { host: `${host}:${egress.upstreamPort}`, headers });
    tunnel.destroy();
    return status === 200 ? status : reason;
  };
}

const create = async (limits: { requestsPerMinute?: number; bytesPerHour?: bigint }) =>
  (
    await createEgressSecret(coffer, {
      value: data("v"),
      egress: { auth: { type: "bearer" }, hosts: [host], ...limits },
    })
  ).name;

test("requests a minute", async () => {
  const name = await create({ requestsPerMinute: 2 });
  const [one, another] = [await use(name), await use(name)];
  expect([await one(), await one(), await one()]).toEqual([200, 200, "rate_limited"]);
  expect(await another()).toBe(200);
});

test("no more than what is configured, whatever the rule says", async () => {
  const one = await use(await create({ requestsPerMinute: 100 }));
  expect([await one(), await one(), await one(), await one()]).toEqual([200, 200, 200, "rate_limited"]);
});

test("bytes an hour", async () => {
  const name = await create({ bytesPerHour: 1n });
  const [one, another] = [await use(name), await use(name)];
  await one().catch(() => "broken off");
  expect(await one()).toBe("byte_cap_reached");
  expect(await another().catch(() => "broken off")).not.toBe("byte_cap_reached");
});
