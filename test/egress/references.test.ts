// Secrets whose values are in vaults elsewhere, used through the proxy: the vault says the value when it is needed, and not each time.
import { afterAll, beforeEach, expect, test } from "vitest";
import type { VaultConnection } from "../../gen/coffer/v1/external_vault_service_pb.ts";
import { useCoffer } from "../support/coffer.ts";
import { eventsOf, openTunnel, useEgress } from "../support/egress.ts";
import { requestIn } from "../support/egress-request.ts";
import { expectError, invalid } from "../support/errors.ts";
import { until } from "../support/poll.ts";
import { addVersion, createSecret, present } from "../support/secrets.ts";
import { connectionTo, createConnection, localVaults } from "../support/vault-connections.ts";
import { startVaultService, type VaultService } from "../support/vault-services.ts";

const host = "api.upstream.test";
const inVault = "canary-of-the-vault";
const coffer = useCoffer({ env: localVaults });
const egress = useEgress(coffer, { hosts: [host] });
const opened: VaultService[] = [];
let vault: VaultService;
let connection: VaultConnection;
beforeEach(async () => {
  vault = await startVaultService("doppler", "dp.st.prd.canary-of-credentials");
  vault.values.set("TOKEN", inVault);
  opened.push(vault);
  connection = await createConnection(coffer, connectionTo(vault));
});
afterAll(() => Promise.all(opened.map((each) => each.close())));

const rule = { auth: { type: "bearer" }, hosts: [host] };
const referring = (fieldMappings: Record<string, string>) => ({
  value: { case: "reference", value: { vaultConnectionId: connection.id, fieldMappings } } as const,
  egress: rule,
});

async function begin() {
  const secret = await createSecret(coffer, referring({ value: "TOKEN" }));
  const { sandbox, token } = await coffer
    .clients()
    .egress.createSandbox({ name: "agent", secrets: { KEY: secret.name } });
  const { id, workspaceId, secrets } = present(sandbox);
  const tunnel = await openTunnel(egress, { id, workspaceId, token }, host);
  const headers = { authorization: `Bearer ${present(secrets[0]).placeholder}` };
  const ask = () => requestIn(tunnel, { host: `${host}:${egress.upstreamPort}`, headers });
  return { secret, sandbox: { id, workspaceId, token }, tunnel, ask };
}

test("the value goes out as the vault says it, which is asked once for many requests, and never comes back", async () => {
  const { ask, tunnel } = await begin();
  expect(vault.calls).toEqual([]);
  for (let i = 0; i < 3; i++) {
    const { status, body } = await ask();
    expect(status).toBe(200);
    expect(body).not.toContain(inVault);
    expect(egress.seen.at(-1)?.headers.authorization).toBe(`Bearer ${inVault}`);
  }
  expect(vault.calls).toHaveLength(1);
  expect(egress.logLines.join("")).not.toContain(inVault);
  tunnel.destroy();
});

test("a new version is used within two seconds, whatever the vault said before", async () => {
  const { ask, secret, tunnel } = await begin();
  expect((await ask()).status).toBe(200);
  await addVersion(coffer, secret, "a-value-of-its-own");
  await until(
    "the new version is used",
    async () => {
      await ask();
      return egress.seen.at(-1)?.headers.authorization === "Bearer a-value-of-its-own";
    },
    2_500,
  );
  tunnel.destroy();
});

test("a vault that gives nothing: the request is refused, and the trail says why; it heals by itself", async () => {
  const { ask, secret, sandbox, tunnel } = await begin();
  vault.mood = "500";
  const before = egress.seen.length;
  expect(await ask()).toMatchObject({ status: 502, reason: "inject_error" });
  expect(egress.seen.length).toBe(before);
  expect(await eventsOf(coffer, sandbox)).toMatchObject([{ error_code: "inject_error", secret_id: secret.id }]);
  const results = await coffer.sql(
    "select result from audit_event where principal_id = $1 and resource_id = $2 order by event_id",
    [sandbox.id, secret.id],
  );
  expect(results.map(({ result }) => result)).toEqual(["OK", "VAULT_UNAVAILABLE"]);
  vault.mood = "good";
  await until("the vault is asked again", async () => (await ask()).status === 200, 5_000);
  tunnel.destroy();
});

test("a reference without the part that the rule is for is refused, and nothing is made", async () => {
  await expectError(createSecret(coffer, referring({ key: "TOKEN" })), invalid("reference"));
});
