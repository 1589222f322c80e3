// Secrets that refer to fields in vaults, on the real servers and with vaults on loopback.
import { Redis } from "ioredis";
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from "vitest";
import type { VaultConnection } from "../../../gen/coffer/v1/external_vault_service_pb.ts";
import { CredentialState } from "../../../gen/coffer/v1/secret_pb.ts";
import { Role } from "../../../gen/coffer/v1/token_service_pb.ts";
import { rewrapVersions } from "../../../src/jobs/rewrap-versions.ts";
import { otherWorkspace } from "../../support/broad-token.ts";
import { startCoffer, type TestCoffer } from "../../support/coffer.ts";
import { denied, errorOf, expectError, invalid, secretNotFound } from "../../support/errors.ts";
import { textsIn } from "../../support/find-bytes.ts";
import { run } from "../../support/jobs.ts";
import { twice } from "../../support/replay.ts";
import {
  addVersion,
  byId,
  createSecret,
  getSecret,
  newName,
  present,
  type SecretInit,
  softDelete,
} from "../../support/secrets.ts";
import { type StorageServices, startStorageServices } from "../../support/storage-services.ts";
import { connectionTo, createConnection, localVaults, unknownConnectionId } from "../../support/vault-connections.ts";
import { referenceTo, startVaultService, type VaultService, vendors } from "../../support/vault-services.ts";

const credential = "dp.st.prd.canary-of-credentials";
const secretValue = "canary-of-values/+";
let storage: StorageServices;
let coffer: TestCoffer;
let service: VaultService;
let connection: VaultConnection;
const opened: VaultService[] = [];
beforeAll(async () => {
  storage = await startStorageServices();
  coffer = await startCoffer({ env: { ...storage.env, ...localVaults } });
});
afterAll(async () => {
  await coffer.close();
  await storage.close();
  await Promise.all(opened.map((each) => each.close()));
});
beforeEach(async () => {
  ({ service, connection } = await connect("doppler"));
});

async function connect(vendor: (typeof vendors)[number]) {
  const vault = await startVaultService(vendor, credential);
  vault.values.set("SECRET_ACCESS_KEY", secretValue);
  opened.push(vault);
  return { service: vault, connection: await createConnection(coffer, connectionTo(vault)) };
}

const reference = (fieldMappings: Record<string, string>, { id }: { id: string } = connection) =>
  ({ case: "reference", value: { vaultConnectionId: id, fieldMappings } }) as const;
const pair = { key_id: "ACCESS_KEY_ID", key: "SECRET_ACCESS_KEY" };
const referring = (init: SecretInit = {}) => createSecret(coffer, { value: reference(pair), ...init });
const s3Pair = { access_key_id: "ACCESS_KEY_ID", secret_access_key: "SECRET_ACCESS_KEY" };

async function read({ id }: { id: string }, version = ""): Promise<Record<string, string>> {
  const { value } = await coffer.clients().secrets.getSecretValue({ ...byId(id), version });
  const parts = value.case === "keyValues" ? value.value.values : {};
  return Object.fromEntries(Object.entries(parts).map(([name, part]) => [name, Buffer.from(part).toString()]));
}
const value = (id: string) => coffer.clients().secrets.getSecretValue(byId(id));
const noConnection = (id: string) => ({
  ...{ code: "NotFound", reason: "VAULT_CONNECTION_NOT_FOUND" },
  metadata: { vault_connection_id: id },
});

describe("succeeds", () => {
  it.each(vendors)("reads two fields in %s, as they are there now", async (vendor) => {
    const place = await connect(vendor);
    const mappings = Object.fromEntries(Object.entries(pair).map(([name, key]) => [name, referenceTo(vendor, key)]));
    const secret = await createSecret(coffer, { value: reference(mappings, place.connection) });
    expect(place.service.calls).toEqual([]);
    expect(await read(secret)).toEqual({ key_id: "AKIAVAULT00000000001", key: secretValue });
    place.service.values.set("ACCESS_KEY_ID", "another");
    expect(await read(secret)).toEqual({ key_id: "another", key: secretValue });
  });

  it("adds versions by reference and without, and reads each, in a batch too", async () => {
    const secret = await createSecret(coffer);
    const { secrets } = coffer.clients();
    const { version } = await secrets.addSecretVersion({ ...byId(secret.id), value: reference(pair) });
    expect(version).toMatchObject({ versionNumber: 2, vaultConnectionId: connection.id });
    await addVersion(coffer, secret, "v3");
    expect(await read(secret, "2")).toEqual({ key_id: "AKIAVAULT00000000001", key: secretValue });
    const asked = ["1", "2", "3"].map((number) => ({ ...byId(secret.id), version: number }));
    const { results } = await secrets.batchGetSecretValues({ requests: asked });
    expect(results.map(({ result }) => result.case === "value" && result.value.value.case)).toEqual([
      ...["data", "keyValues", "data"],
    ]);
    await secrets.disableSecretVersion({ ...byId(secret.id), version: "2" });
    await secrets.enableSecretVersion({ ...byId(secret.id), version: "2" });
    expect(Object.keys(await read(secret, "2"))).toHaveLength(2);
  });

  it("shows what a version refers to, to who may see versions, and asks no vault", async () => {
    const { id } = await referring();
    const viewer = coffer.clients(await coffer.tokenWithRole(Role.VIEWER)).secrets;
    const { reference: shown } = await viewer.getSecretVersion({ ...byId(id), version: "1" });
    expect(shown).toMatchObject({ vaultConnectionId: connection.id, fieldMappings: pair });
    const plain = await createSecret(coffer);
    expect((await viewer.getSecretVersion({ ...byId(plain.id), version: "1" })).reference).toBeUndefined();
    await coffer.clients().secrets.destroySecretVersion({ ...byId(id), version: "1" });
    const destroyed = await viewer.getSecretVersion({ ...byId(id), version: "1" });
    expect([destroyed.version?.vaultConnectionId, destroyed.reference]).toEqual([connection.id, undefined]);
    expect(service.calls).toEqual([]);
  });

  // The vault answers after three seconds, in which a busy machine may not get through with all of them.
  it("makes one call of 500 reads at once", { retry: 3 }, async () => {
    const { id } = await createSecret(coffer, { value: reference({ key: "SECRET_ACCESS_KEY" }) });
    service.mood = "slow";
    const values = await Promise.all(Array.from({ length: 500 }, () => read({ id })));
    expect(new Set(values.map(({ key }) => key))).toEqual(new Set([secretValue]));
    expect(service.calls).toHaveLength(1);
    service.mood = "good";
    await read({ id });
    expect(service.calls).toHaveLength(2);
  });

  it("tries a storage credential with what the vault holds, and says when it cannot", async () => {
    service.values.set("ACCESS_KEY_ID", "AKIAGOOD000000000000");
    service.values.set("SECRET_ACCESS_KEY", "good/secret+key");
    const { id } = await createSecret(coffer, { kind: "storage/s3", value: reference(s3Pair) });
    const { secrets } = coffer.clients();
    const validate = async () => present((await secrets.validateCredential(byId(id))).secret).validation;
    expect(await validate()).toMatchObject({ state: CredentialState.VALID, error: "" });
    service.values.delete("ACCESS_KEY_ID");
    const error = "access_key_id: the vault has no such field, or none that this connection may see";
    expect(await validate()).toMatchObject({ state: CredentialState.VALID, error });
    await expectError(value(id), { code: "FailedPrecondition", reason: "NOT_REVEALABLE" });
  });

  it("is a replay of the same, and leaves one secret", async () => {
    const { secrets } = coffer.clients();
    const request = { name: newName(), value: reference(pair) };
    const { first, second } = await twice(newName("key"), (options) => secrets.createSecret(request, options));
    expect(second).toEqual({ answer: first.answer, replayed: true });
    const { id } = present(first.answer.secret);
    const added = { ...byId(id), value: reference(pair) };
    const versions = await twice(newName("key"), (options) => secrets.addSecretVersion(added, options));
    expect(versions.second).toEqual({ answer: versions.first.answer, replayed: true });
    expect(await getSecret(coffer, { id })).toMatchObject({ versionCount: 2 });
  });
});

describe("rejects", () => {
  const field = (name: string) => `reference.field_mappings["${name}"]`;
  it.each<[string, string, Record<string, string>, string[]]>([
    ["a field of the method left out", "storage/s3", { access_key_id: "A" }, ["secret_access_key"]],
    ["a field that the method lacks", "storage/s3", { ...s3Pair, sas_url: "A" }, ["sas_url"]],
    [
      "fields of another method",
      "storage/b2",
      s3Pair,
      ["application_key_id", "application_key", ...Object.keys(s3Pair)],
    ],
    ["what Doppler calls nothing", "generic", { a: "op://a/b/c", b: "A B", c: "OK" }, ["a", "b"]],
  ])("%s", async (_, kind, mappings, fields) => {
    const call = coffer.clients().secrets.createSecret({ name: newName(), kind, value: reference(mappings) });
    const seen = await expectError(call, { code: "InvalidArgument", reason: "FIELD_INVALID" });
    expect(seen.fields.sort()).toEqual(fields.map(field).sort());
  });

  it.each(["op:/a/b/c", "op://a/b", "op://a/b/c/d/e", "op://a//c", "A", 'op://a/b/c"', "op://../ /c"])(
    "%s for 1Password",
    async (text) => {
      const { connection: one } = await connect("connect");
      const call = createSecret(coffer, { value: reference({ a: text }, one) });
      await expectError(call, invalid(field("a")));
    },
  );

  it.each(["..", "a/b", "a?b", "a b", "é"])("%s for Infisical", async (text) => {
    const { connection: infisical } = await connect("infisical");
    await expectError(createSecret(coffer, { value: reference({ a: text }, infisical) }), invalid(field("a")));
  });

  it("no fields, too many, odd names, and a kind of one value", async () => {
    const mappings = Object.fromEntries(Array.from({ length: 33 }, (_, index) => [`f${index}`, "A"]));
    for (const odd of [{}, mappings]) {
      await expectError(createSecret(coffer, { value: reference(odd) }), invalid("reference.field_mappings"));
    }
    await expectError(createSecret(coffer, { value: reference({ "a b": "A" }) }), {
      ...{ code: "InvalidArgument", reason: "FIELD_INVALID" },
    });
    const signing = createSecret(coffer, { kind: "webhook_signing", value: reference({ value: "A" }) });
    await expectError(signing, invalid("reference"));
  });

  it("a connection of another workspace, or of none, and writes nothing", async () => {
    const { ownerToken } = await otherWorkspace(coffer);
    const name = newName();
    const foreign = coffer.clients(ownerToken).secrets.createSecret({ name, value: reference(pair) });
    await expectError(foreign, noConnection(connection.id));
    const nobody = { id: unknownConnectionId };
    const unknown = coffer.clients().secrets.createSecret({ name, value: reference(pair, nobody) });
    await expectError(unknown, noConnection(nobody.id));
    const { id } = await createSecret(coffer);
    const added = coffer.clients().secrets.addSecretVersion({ ...byId(id), value: reference(pair, nobody) });
    await expectError(added, noConnection(nobody.id));
    expect(await coffer.sql("select from secret where name = $1", [name])).toEqual([]);
    expect(await getSecret(coffer, { id })).toMatchObject({ versionCount: 1 });
  });
});

describe("fails to read", () => {
  const failed = (code: string, reason: string, cause: string) => ({ code, reason, cause });
  it.each([
    ["500", failed("Unavailable", "VAULT_UNAVAILABLE", "faulty")],
    ["429", failed("ResourceExhausted", "RATE_LIMITED", "rate_limited")],
    ["hang", failed("Unavailable", "VAULT_UNAVAILABLE", "timed_out")],
    ["huge", failed("FailedPrecondition", "VAULT_REFERENCE_FAILED", "answer_too_large")],
    ["redirect", failed("FailedPrecondition", "VAULT_REFERENCE_FAILED", "redirected")],
  ] as const)("from a vault that answers %s, and records it", async (mood, { cause, ...expected }) => {
    const { id } = await referring();
    service.mood = mood;
    const seen = await expectError(value(id), { ...expected, hasRetryInfo: expected.code !== "FailedPrecondition" });
    expect(seen.metadata).toMatchObject({ vault_connection_id: connection.id, cause });
    expect(Object.keys(pair)).toContain(seen.metadata["field"]);
    const { auditEvents } = await coffer.clients().audit.listAuditEvents({ resourceId: id });
    const read = auditEvents.filter(({ method }) => method.endsWith("GetSecretValue"));
    expect(read.map(({ result }) => result).reverse()).toEqual(["OK", expected.reason]);
  });

  it("a field that is gone, and all of them once the token is revoked", async () => {
    const { id } = await referring();
    service.values.delete("SECRET_ACCESS_KEY");
    const lasting = { code: "FailedPrecondition", reason: "VAULT_REFERENCE_FAILED", hasRetryInfo: false };
    const missing = { vault_connection_id: connection.id, field: "key", cause: "missing" };
    const seen = await expectError(value(id), { ...lasting, metadata: missing });
    expect(seen.message).toBe("key: the vault has no such field, or none that this connection may see");
    service.credential = "dp.st.rotated";
    const other = await createSecret(coffer, { value: reference({ a: "OTHER" }) });
    const unauthorized = { vault_connection_id: connection.id, field: "a", cause: "unauthorized" };
    await expectError(value(other.id), { ...lasting, metadata: unauthorized });
    service.values.set("OTHER", "there");
    const credentials = { accessToken: "dp.st.rotated" };
    await coffer.clients().vaults.rotateVaultConnection({ id: connection.id, credentials });
    expect(await read(other)).toEqual({ a: "there" });
  });

  it("more often than the vault allows", async () => {
    const { id } = await createSecret(coffer, { value: reference({ a: "ACCESS_KEY_ID" }) });
    const start = performance.now();
    let reads = 0;
    // Calls that may be made come again in time, so a slow machine gets further than 60.
    for (let said = "OK"; said !== "RATE_LIMITED"; reads++) {
      const call = value(id);
      said = (await call.catch(() => undefined)) ? "OK" : (await errorOf(call)).reason;
      expect(["OK", "RATE_LIMITED"]).toContain(said);
    }
    expect(reads).toBeGreaterThan(60);
    expect(service.calls.length).toBeLessThanOrEqual(60 + ((performance.now() - start) * 1.5) / 1_000);
  });

  it("under a key that is disabled", async () => {
    const { ownerToken } = await otherWorkspace(coffer);
    const { keys, secrets } = coffer.clients(ownerToken);
    const own = await createConnection(coffer, connectionTo(service), ownerToken);
    const key = present((await keys.createKey({ name: "k" })).key);
    const { secret } = await secrets.createSecret({ name: "s", kmsKeyId: key.id, value: reference(pair, own) });
    const [ofConnection] = (await keys.listKeys({})).keys;
    await keys.disableKey({ id: ofConnection?.id ?? "" });
    const inactive = { code: "FailedPrecondition", reason: "KEY_NOT_ACTIVE" };
    await expectError(secrets.getSecretValue(byId(secret?.id ?? "")), inactive);
    await keys.disableKey({ id: key.id });
    const { version, reference: shown } = await secrets.getSecretVersion({ ...byId(secret?.id ?? ""), version: "1" });
    expect([version?.vaultConnectionId, shown]).toEqual([own.id, undefined]);
    await expectError(coffer.clients(ownerToken).vaults.verifyVaultConnection({ id: own.id }), inactive);
    expect(service.calls).toEqual([]);
  });

  it("what somebody has changed in the database, and sends nothing", async () => {
    const { id } = await referring();
    const elsewhere = await connect("doppler");
    const corrupt = { code: "DataLoss", reason: "VALUE_CORRUPT" };
    const moved = "update vault_connection set base_url = $1 where vault_connection_id = $2";
    await coffer.sql(moved, [elsewhere.service.url, connection.id]);
    await expectError(value(id), corrupt);
    await expectError(coffer.clients().vaults.verifyVaultConnection({ id: connection.id }), corrupt);
    const credentials = { accessToken: credential };
    await expectError(coffer.clients().vaults.rotateVaultConnection({ id: connection.id, credentials }), corrupt);
    await coffer.sql(moved, [service.url, connection.id]);
    expect(Object.keys(await read({ id }))).toHaveLength(2);
    const other = "update secret_version set vault_connection_id = $1 where secret_id = $2";
    await coffer.sql(other, [elsewhere.connection.id, id]);
    await expectError(value(id), corrupt);
    await expectError(coffer.clients().secrets.getSecretVersion({ ...byId(id), version: "1" }), corrupt);
    expect(elsewhere.service.calls).toEqual([]);
  });
});

describe("denies", () => {
  it("who has no permission, and other workspaces, before the vault is asked", async () => {
    const { id } = await referring();
    const viewer = coffer.clients(await coffer.tokenWithRole(Role.VIEWER));
    await expectError(viewer.secrets.getSecretValue(byId(id)), denied("versions.access"));
    await expectError(viewer.secrets.createSecret({ name: "a", value: reference(pair) }), denied("secrets.create"));
    const { ownerToken } = await otherWorkspace(coffer);
    await expectError(coffer.clients(ownerToken).secrets.getSecretValue(byId(id)), secretNotFound);
    expect(service.calls).toEqual([]);
  });
});

describe("a connection", () => {
  const remove = () => coffer.clients().vaults.deleteVaultConnection({ id: connection.id });

  it("stays while active secrets refer to it, and says which", async () => {
    const current = await referring();
    const former = await createSecret(coffer, { value: reference(pair) });
    await addVersion(coffer, former, "v2");
    const secrets = [current.id, former.id].sort().join(",");
    const inUse = { code: "FailedPrecondition", reason: "VAULT_CONNECTION_IN_USE" };
    await expectError(remove(), { ...inUse, metadata: { vault_connection_id: connection.id, secrets } });
    await coffer.clients().secrets.destroySecretVersion({ ...byId(former.id), version: "1" });
    await expectError(remove(), { ...inUse, metadata: { vault_connection_id: connection.id, secrets: current.id } });
    await softDelete(coffer, current);
    await remove();
    await coffer.clients().secrets.undeleteSecret({ id: current.id });
    await expectError(value(current.id), noConnection(connection.id));
  });

  it("is never deleted under a secret that is being created", async () => {
    const creates = Array.from({ length: 10 }, () => referring().catch(() => undefined));
    const removed = await remove().then(
      () => true,
      () => false,
    );
    const made = (await Promise.all(creates)).filter((secret) => secret !== undefined);
    expect(removed ? made.length : 0).toBe(0);
    if (!removed) expect(await read(present(made[0]))).toBeDefined();
  });

  it("moves to the new version of its key", async () => {
    const { ownerToken } = await otherWorkspace(coffer);
    const { keys, vaults } = coffer.clients(ownerToken);
    const own = await createConnection(coffer, connectionTo(service), ownerToken);
    const [key] = (await keys.listKeys({})).keys;
    await keys.rotateKey({ id: key?.id ?? "" });
    const versionNow = async () =>
      (
        await coffer.sql("select kms_key_version as v from vault_connection where vault_connection_id = $1", [own.id])
      )[0];
    expect(await versionNow()).toEqual({ v: 1 });
    await run(coffer, rewrapVersions);
    expect(await versionNow()).toEqual({ v: 2 });
    await vaults.verifyVaultConnection({ id: own.id });
    expect((await vaults.getVaultConnection({ id: own.id })).vaultConnection?.etag).toBe("1");
  });
});

it("leaves credentials, references and values nowhere in clear", async () => {
  const { id } = await referring();
  await read({ id });
  await coffer.clients().vaults.verifyVaultConnection({ id: connection.id });
  await errorOf(
    coffer
      .clients()
      .vaults.rotateVaultConnection({ id: connection.id, credentials: { accessToken: `${credential}x` } }),
  );
  const canaries = [credential, secretValue, "canary-of"];
  const tables = await coffer.sql("select tablename as name from pg_tables where schemaname = 'public'");
  for (const { name } of tables) {
    const rows = await coffer.sql(`select string_agg(t::text, ' ') as text from "${String(name)}" t`);
    expect(textsIn(String(rows[0]?.["text"]), canaries)).toEqual([]);
  }
  expect(textsIn(coffer.logLines.join("\n"), canaries)).toEqual([]);
  const redis = new Redis(inject("redisUrl"));
  const keys = await redis.keys("*");
  const values = await Promise.all(keys.map((key) => redis.dump(key)));
  expect(textsIn([...keys, ...values.map(String)].join("\n"), canaries)).toEqual([]);
  redis.disconnect();
});
