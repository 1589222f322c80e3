// A row that was changed in the database never makes coffer send a credential to another address.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CredentialState } from "../../../gen/coffer/v1/secret_pb.ts";
import { signStoredCredentials } from "../../../src/steps/credentials/sign-stored.ts";
import { startCoffer, type TestCoffer } from "../../support/coffer.ts";
import { expectError } from "../../support/errors.ts";
import { until } from "../../support/poll.ts";
import { byId, createSecret, data, getSecret, readText } from "../../support/secrets.ts";
import { type Services, startServices } from "../../support/services.ts";

let services: Services;
let coffer: TestCoffer;
beforeAll(async () => {
  services = await startServices();
  coffer = await startCoffer({ env: services.env });
});
afterAll(async () => {
  await coffer.close();
  await services.close();
});

const corrupt = { code: "DataLoss", reason: "VALUE_CORRUPT", metadata: { record: "secret_credential" } };
const oci = "oci_registry";

async function triedCredential(value: string, more: { kind?: string; credentialFields?: Record<string, string> } = {}) {
  const secret = await createSecret(coffer, { kind: "cloud_provider/hcloud", value: data(value), ...more });
  await until("it is tried", async () => (await getSecret(coffer, secret)).validation?.validateTime !== undefined);
  return secret;
}

describe("a row that SQL changed", () => {
  it.each<[string, string, object]>([
    ["its kind", "kind = 'cloudflare_api'", {}],
    [
      "the name of its user",
      `credential_fields = '{"username": "root"}'`,
      { kind: oci, credentialFields: { username: "u" } },
    ],
    ["what it says beside the value", `credential_fields = '{}'`, { kind: oci, credentialFields: { username: "u" } }],
    ["its MAC", "credential_mac = null", {}],
    [
      "kind, and took its MAC from another secret",
      `kind = 'cloudflare_api', credential_mac = (select o.credential_mac from secret o where o.kind = 'cloudflare_api' limit 1)`,
      {},
    ],
  ])("(%s) sends nothing, on record, and is read as ever", async (_what, change, made) => {
    if (change.includes("o.kind")) await triedCredential("good-other", { kind: "cloudflare_api" });
    const value = `good-${Buffer.from(change).toString("hex").slice(0, 40)}`;
    const secret = await triedCredential(value, made);
    const before = services.calls.length;
    await coffer.sql(`update secret set ${change} where secret_id = $1`, [secret.id]);
    await expectError(coffer.clients().secrets.validateCredential(byId(secret.id)), corrupt);
    expect(services.calls.slice(before)).toEqual([]);
    const [last] = await coffer.sql(
      "select result, method from audit_event where resource_id = $1 order by event_time desc limit 1",
      [secret.id],
    );
    expect(last).toEqual({ result: "VALUE_CORRUPT", method: "coffer.v1.SecretService/ValidateCredential" });
    expect(await readText(coffer, secret)).toBe(value);
  });

  it("cannot make a credential of a secret that is none", async () => {
    const secret = await createSecret(coffer, { value: data("good-generic") });
    await coffer.sql(
      `update secret set kind = 'cloud_provider/hcloud', validation_state = 'UNSPECIFIED', validate_after = now()
        where secret_id = $1`,
      [secret.id],
    );
    await expectError(coffer.clients().secrets.validateCredential(byId(secret.id)), corrupt);
    expect(services.callsWith("good-generic")).toEqual([]);
  });
});

describe("credentials without a MAC, from a database that had none", () => {
  it("are signed as they are, and tried", async () => {
    const secrets = [
      await triedCredential("good-older"),
      await triedCredential("good", { kind: oci, credentialFields: { username: "u" } }),
    ];
    const ids = secrets.map(({ id }) => id);
    await coffer.sql("update secret set credential_mac = null where secret_id = any($1)", [ids]);
    await expectError(coffer.clients().secrets.validateCredential(byId(ids[0] as string)), corrupt);
    await signStoredCredentials(coffer.deps.deploymentKeys, coffer.deps.database);
    for (const id of ids) {
      const { secret } = await coffer.clients().secrets.validateCredential(byId(id));
      expect(secret?.validation?.state).toBe(CredentialState.VALID);
    }
    const signed = await coffer.sql("select credential_mac is not null as signed from secret where kind = 'generic'");
    expect(signed.every((row) => row["signed"] === false)).toBe(true);
  });
});
