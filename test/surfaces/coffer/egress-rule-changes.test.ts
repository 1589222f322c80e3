// Only callers who may read a value may change its egress rule: a rule could send the value to a host of theirs.
import { describe, expect, it } from "vitest";
import { Role } from "../../../gen/coffer/v1/token_service_pb.ts";
import { useCoffer } from "../../support/coffer.ts";
import { createEgressSecret } from "../../support/egress-secrets.ts";
import { denied, expectError } from "../../support/errors.ts";
import { addVersion, byId, createSecret, data, getSecret, newName, type SecretInit } from "../../support/secrets.ts";
import { dopplerConnection } from "../../support/vault-connections.ts";

const coffer = useCoffer();
const rule = { auth: { type: "bearer" }, hosts: ["api.example.com"] };
const elsewhere = { auth: { type: "bearer" }, hosts: ["evil.example.com"] };
const otherHeader = { auth: { type: "api-key", header: "x-note" }, hosts: ["api.example.com"] };
const narrower = { ...rule, methods: ["GET"], requestsPerMinute: 5 };

type Rule = SecretInit["egress"];

const update = (id: string, egress: Rule, token?: string) => {
  const secret = { id, ...(egress ? { egress } : {}) };
  return coffer.clients(token).secrets.updateSecret({ secret, updateMask: { paths: ["egress"] } });
};
/** May change secrets and not read their values. */
const changer = () => coffer.tokenWithRole(Role.OWNER, ["secrets.*", "versions.add", "egress.*"]);

describe("of a secret whose value no call returns", () => {
  const fixed = (id: string) => ({ code: "FailedPrecondition", reason: "EGRESS_RULE_FIXED", metadata: { id } });
  const hidden = (egress?: Rule) => createSecret(coffer, { revealable: false, ...(egress ? { egress } : {}) });

  it.each([
    ["to other hosts", elsewhere],
    ["into another header", otherHeader],
    ["by a preset", { provider: "github" }],
    ["to more hosts", { ...rule, hosts: ["api.example.com", "evil.example.com"] }],
  ])("never leads %s later, for nobody", async (_, egress) => {
    const { id, etag } = await hidden(rule);
    await expectError(update(id, egress), fixed(id));
    expect(await getSecret(coffer, { id })).toMatchObject({ egress: rule, etag });
  });

  it("may change in its limits, and be taken away, for good", async () => {
    const { id } = await hidden(rule);
    expect((await update(id, narrower)).secret?.egress).toMatchObject(narrower);
    expect((await update(id, rule)).secret?.egress).toMatchObject({ methods: [] });
    expect((await update(id, undefined)).secret?.egress).toBeUndefined();
    await expectError(update(id, rule), fixed(id));
  });

  it("there is none later where there was none, as for a storage's credential", async () => {
    const { id } = await hidden();
    await expectError(update(id, rule), fixed(id));
    expect((await getSecret(coffer, { id })).egress).toBeUndefined();
  });

  it("what SQL made of it is not vouched for, even when a caller asks for just that", async () => {
    const { id } = await hidden(rule);
    await coffer.sql(
      `update secret set egress_rule = replace(egress_rule::text, 'api.example', 'evil.example')::jsonb where secret_id = $1`,
      [id],
    );
    await expectError(update(id, elsewhere), fixed(id));
  });
});

describe("without versions.access", () => {
  it("cannot lead elsewhere, and its limits can change", async () => {
    const token = await changer();
    const { id, etag } = await createEgressSecret(coffer);
    await expectError(update(id, elsewhere, token), denied("versions.access"));
    expect(await getSecret(coffer, { id })).toMatchObject({ egress: rule, etag });
    expect((await update(id, narrower, token)).secret?.egress).toMatchObject(narrower);
    const plain = await createSecret(coffer);
    await expectError(update(plain.id, rule, token), denied("versions.access"));
  });

  it("no reference gets one, in a new secret or as a new version", async () => {
    const token = await changer();
    const { secrets, vaults } = coffer.clients();
    const { vaultConnection } = await vaults.createVaultConnection(dopplerConnection());
    const vaultConnectionId = vaultConnection?.id ?? "";
    const value = { case: "reference", value: { vaultConnectionId, fieldMappings: { value: "TOKEN" } } } as const;
    const changing = coffer.clients(token).secrets;
    const name = newName();
    await expectError(changing.createSecret({ name, value, egress: rule }), denied("versions.access"));
    expect((await changing.createSecret({ name, value })).secret?.name).toBe(name);
    const { id } = await createEgressSecret(coffer);
    await expectError(changing.addSecretVersion({ ...byId(id), value }), denied("versions.access"));
    expect((await changing.addSecretVersion({ ...byId(id), value: data("own") })).version?.versionNumber).toBe(2);
    expect((await secrets.addSecretVersion({ ...byId(id), value })).version?.versionNumber).toBe(3);
  });
});

it("with versions.access it leads where its holder says", async () => {
  const secret = await createEgressSecret(coffer);
  await addVersion(coffer, secret, "v2");
  expect((await update(secret.id, elsewhere)).secret?.egress).toMatchObject(elsewhere);
});
