// Placeholders that a sandbox does not hold: another's, and those that it has let go of. They are worth nothing, and they are noted.
import { randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import { otherWorkspace } from "../support/broad-token.ts";
import { useCoffer } from "../support/coffer.ts";
import { bearerFor, bindSecret, eventsOf, makeSandbox, openTunnel, useEgress } from "../support/egress.ts";
import { requestIn, type TunnelRequest } from "../support/egress-request.ts";
import { createEgressSecret } from "../support/egress-secrets.ts";
import { present } from "../support/secrets.ts";

const host = "api.upstream.test";
const coffer = useCoffer();
const egress = useEgress(coffer, { hosts: [host] });
const authority = () => `${host}:${egress.upstreamPort}`;
const within2s = () => new Promise((resolve) => setTimeout(resolve, 2_000));

async function begin() {
  const sandbox = await makeSandbox(coffer);
  const bound = await bindSecret(coffer, sandbox, "an-upstream-credential", bearerFor(host));
  return { sandbox, ...bound, tunnel: await openTunnel(egress, sandbox, host) };
}

const bearer = (placeholder: string) => ({ headers: { authorization: `Bearer ${placeholder}` } });

describe("of another sandbox", () => {
  test.each<[string, (placeholder: string) => Partial<TunnelRequest>]>([
    ["in the slot", bearer],
    ["as the password of basic", (p) => ({ headers: { authorization: `Basic ${btoa(`x:${p}`)}` } })],
    ["in another header", (p) => ({ headers: { "x-note": `a ${p}, b` } })],
    ["in the URL", (p) => ({ path: `/a?key=${p}` })],
    ["in the URL, percent-encoded", (p) => ({ path: `/%${p.charCodeAt(0).toString(16)}${p.slice(1)}` })],
  ])("%s: refused, and noted with the secret that it is for", async (_, request) => {
    const [own, another] = await Promise.all([begin(), begin()]);
    const before = egress.seen.length;
    const answer = await requestIn(own.tunnel, { host: authority(), ...request(another.placeholder) });
    expect(answer).toMatchObject({ status: 403, reason: "credential_foreign" });
    expect(egress.seen.length).toBe(before);
    const [event, ...more] = await eventsOf(coffer, own.sandbox);
    expect(more).toEqual([]);
    expect(event).toMatchObject({ secret_id: another.secretId, status: 403, error_code: "credential_foreign" });
    expect(await eventsOf(coffer, another.sandbox)).toEqual([]);
    own.tunnel.destroy();
    another.tunnel.destroy();
  });

  test("beside an own one in its slot: neither goes out", async () => {
    const [own, another] = await Promise.all([begin(), begin()]);
    const before = egress.seen.length;
    const headers = { ...bearer(own.placeholder).headers, "x-api-key": another.placeholder };
    expect((await requestIn(own.tunnel, { host: authority(), headers })).reason).toBe("credential_foreign");
    expect(egress.seen.length).toBe(before);
    own.tunnel.destroy();
    another.tunnel.destroy();
  });

  test("of another workspace is refused, and its secret is not named", async () => {
    const own = await begin();
    const { ownerToken } = await otherWorkspace(coffer);
    const { name } = await createEgressSecret(coffer, {}, ownerToken);
    const { sandbox } = await coffer
      .clients(ownerToken)
      .egress.createSandbox({ name: "theirs", secrets: { KEY: name } });
    const theirs = present(sandbox?.secrets[0]).placeholder;
    const answer = await requestIn(own.tunnel, { host: authority(), ...bearer(theirs) });
    expect(answer).toMatchObject({ status: 403, reason: "credential_foreign" });
    expect(await eventsOf(coffer, own.sandbox)).toMatchObject([{ secret_id: null, error_code: "credential_foreign" }]);
    own.tunnel.destroy();
  });

  test("but what only looks like one goes on: it may be a credential of the program's own", async () => {
    const { tunnel } = await begin();
    const alike = bearer(`ssrv_proxy_${randomBytes(32).toString("base64url")}`);
    expect((await requestIn(tunnel, { host: authority(), ...alike })).status).toBe(200);
    expect(egress.seen.at(-1)?.headers.authorization).toBe(alike.headers.authorization);
    tunnel.destroy();
  });
});

describe("that was let go", () => {
  test("is refused, also when SQL takes back that it was; the sandbox stays deleted then too", async () => {
    const { sandbox, secretId, placeholder, tunnel } = await begin();
    const ask = () => requestIn(tunnel, { host: authority(), ...bearer(placeholder) });
    const { egress: service } = coffer.clients();
    await service.unbindSecret({ sandboxId: sandbox.id, envKey: `KEY_${secretId}` });
    await within2s();
    expect(await ask()).toMatchObject({ status: 503, reason: "credential_revoked" });
    expect(await eventsOf(coffer, sandbox)).toMatchObject([{ secret_id: secretId, error_code: "credential_revoked" }]);
    await coffer.sql("update sandbox_binding set revoke_time = null where sandbox_id = $1", [sandbox.id]);
    await within2s();
    expect(await ask()).toMatchObject({ status: 503, reason: "credential_revoked" });
    await service.deleteSandbox({ id: sandbox.id });
    await coffer.sql("update sandbox set delete_time = null where sandbox_id = $1", [sandbox.id]);
    await within2s();
    expect((await ask()).status).toBe(407);
    tunnel.destroy();
  });
});
