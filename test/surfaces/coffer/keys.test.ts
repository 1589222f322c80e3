// KeyService, on the real servers.
import { create } from "@bufbuild/protobuf";
import { DurationSchema } from "@bufbuild/protobuf/wkt";
import type { CallOptions } from "@connectrpc/connect";
import { beforeAll, describe, expect, it } from "vitest";
import { KeyState, type UpdateKeyRequestSchema } from "../../../gen/coffer/v1/key_service_pb.ts";
import { Role } from "../../../gen/coffer/v1/token_service_pb.ts";
import { otherWorkspace } from "../../support/broad-token.ts";
import { useCoffer } from "../../support/coffer.ts";
import { denied, expectError, invalid, staleEtag } from "../../support/errors.ts";
import { createKey, getKey, type KeyInit, makeDestructionDue, unknownKeyId } from "../../support/keys.ts";
import { twice } from "../../support/replay.ts";
import {
  addVersion,
  byId,
  createSecret,
  data,
  type Init,
  newName,
  present,
  readText,
  timeOf,
} from "../../support/secrets.ts";

const coffer = useCoffer({ env: { COFFER_REGIONS: "default,eu-1" } });
const days = (count: number, nanos = 0) => create(DurationSchema, { seconds: BigInt(count * 86_400), nanos });
const dayMs = 86_400_000;
const { ACTIVE, DISABLED, PENDING_DESTRUCTION, DESTROYED } = KeyState;
const changes = ["rotateKey", "disableKey", "enableKey", "scheduleKeyDestruction", "cancelKeyDestruction"] as const;

const keyNotFound = (id: string) => ({
  code: "NotFound",
  reason: "KEY_NOT_FOUND",
  metadata: { kms_key_id: id },
  message: "there is no such key",
});
const destroyed = (id: string) => ({
  code: "FailedPrecondition",
  reason: "KEY_DESTROYED",
  metadata: { kms_key_id: id },
});
const pending = (id: string) => ({
  code: "FailedPrecondition",
  reason: "KEY_PENDING_DESTRUCTION",
  metadata: { kms_key_id: id },
});

async function change(rpc: (typeof changes)[number], { id }: { id: string }, etag = "") {
  return present((await coffer.clients().keys[rpc]({ id, etag })).key);
}

/** Returns the kms_key_version rows of a key: one for each version. */
const versionsOf = async ({ id }: { id: string }) =>
  (await coffer.sql("select version from kms_key_version where kms_key_id = $1 order by 1", [id])).map(
    ({ version }) => version,
  );

describe("succeeds", () => {
  it.each(["aes128-gcm96", "aes256-gcm96", "chacha20-poly1305"])(
    "creates a key of %s that wraps secrets",
    async (algorithm) => {
      const key = await createKey(coffer, { algorithm, labels: { a: "b" }, rotationPeriod: days(90) });
      expect(key).toMatchObject({ region: "default", algorithm, state: ACTIVE, primaryVersion: 1, etag: "1" });
      expect(key).toMatchObject({ labels: { a: "b" }, rotationPeriod: days(90) });
      expect(key.id).toMatch(/^kms_[0-9a-z]{26}$/);
      expect(timeOf(key.nextRotateTime) - timeOf(key.createTime)).toBe(90 * dayMs);
      const secret = await createSecret(coffer, { kmsKeyId: key.id });
      expect(secret.kmsKeyId).toBe(key.id);
      expect(await readText(coffer, secret)).toBe("v1");
      expect(await getKey(coffer, key)).toEqual(key);
    },
  );

  it("creates one of the default algorithm, and the same name in another region", async () => {
    const name = newName("key");
    expect(await createKey(coffer, { name })).toMatchObject({ name, algorithm: "aes256-gcm96", region: "default" });
    expect(await createKey(coffer, { name, region: "eu-1" })).toMatchObject({ name, region: "eu-1" });
  });

  it("lists pages by id, with filters, and destroyed keys only when they are asked for", async () => {
    const { ownerToken } = await otherWorkspace(coffer);
    const { keys } = coffer.clients(ownerToken);
    const made = [];
    for (const region of ["default", "eu-1", "eu-1"]) made.push(await createKey(coffer, { region }, ownerToken));
    const [first, second, third] = made.map(({ id }) => id) as [string, string, string];
    await keys.disableKey({ id: second });
    await keys.scheduleKeyDestruction({ id: third });
    const seen: string[] = [];
    let pageToken = "";
    do {
      const page = await keys.listKeys({ pageSize: 2, pageToken });
      expect(page.keys.length).toBeLessThanOrEqual(2);
      seen.push(...page.keys.map(({ id }) => id));
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    // With the default keys of both regions.
    expect(seen).toHaveLength(5);
    expect(seen).toEqual([...seen].sort());
    const idsOf = async (query: object) => (await keys.listKeys(query)).keys.map(({ id }) => id);
    expect((await idsOf({ region: "eu-1" })).slice(1)).toEqual([second, third]);
    expect(await idsOf({ states: [DISABLED, PENDING_DESTRUCTION] })).toEqual([second, third]);
    expect(await idsOf({ states: [ACTIVE], region: "default" })).toContain(first);
    expect(await idsOf({ states: [DESTROYED] })).toEqual([]);
  });

  it("changes what the mask names, or every field that is set", async () => {
    const key = await createKey(coffer, { labels: { a: "b" } });
    const { keys } = coffer.clients();
    const update = async (request: Init<typeof UpdateKeyRequestSchema>) => present((await keys.updateKey(request)).key);
    const name = newName("renamed");
    const first = await update({ key: { id: key.id, name, rotationPeriod: days(3650), etag: key.etag } });
    expect(first).toMatchObject({ name, labels: { a: "b" }, rotationPeriod: days(3650), etag: "2" });
    expect(timeOf(first.nextRotateTime) - timeOf(key.createTime)).toBe(3650 * dayMs);
    const updateMask = { paths: ["labels", "rotation_period"] };
    const second = await update({ key: { id: key.id, name: "not-this" }, updateMask });
    expect(second).toMatchObject({ name, labels: {}, etag: "3" });
    expect([second.rotationPeriod, second.nextRotateTime]).toEqual([undefined, undefined]);
    expect((await update({ key: { id: key.id } })).etag).toBe("3");
  });

  it("rotates: what is written then is under the new version, and what was written before still opens", async () => {
    const key = await createKey(coffer, { rotationPeriod: days(10) });
    const secret = await createSecret(coffer, { kmsKeyId: key.id });
    const rotated = await change("rotateKey", key);
    expect(rotated).toMatchObject({ primaryVersion: 2, state: ACTIVE, etag: "2" });
    expect(timeOf(rotated.nextRotateTime) - timeOf(rotated.rotateTime)).toBe(10 * dayMs);
    expect(await addVersion(coffer, secret, "v2")).toMatchObject({ kmsKeyId: key.id, kmsKeyVersion: 2 });
    expect(await readText(coffer, secret, "1")).toBe("v1");
    expect(await readText(coffer, secret, "2")).toBe("v2");
    expect(await versionsOf(key)).toEqual([1, 2]);
  });

  it("disables and enables, and leaves a key alone that is so already", async () => {
    const key = await createKey(coffer);
    expect(await change("enableKey", key)).toEqual(key);
    const disabled = await change("disableKey", key);
    expect(disabled).toMatchObject({ state: DISABLED, etag: "2" });
    expect(await change("disableKey", key)).toEqual(disabled);
    expect(await change("enableKey", key, '"2"')).toMatchObject({ state: ACTIVE, etag: "3" });
  });

  it("schedules a destruction in 30 days or as told, once, and cancels it: the key is disabled then", async () => {
    const key = await createKey(coffer);
    const scheduled = await change("scheduleKeyDestruction", key);
    expect(scheduled.state).toBe(PENDING_DESTRUCTION);
    expect(timeOf(scheduled.scheduledDestroyTime) - timeOf(scheduled.updateTime)).toBe(30 * dayMs);
    expect(await change("scheduleKeyDestruction", key)).toEqual(scheduled);
    const cancelled = await change("cancelKeyDestruction", key);
    expect(cancelled.state).toBe(DISABLED);
    expect(cancelled.scheduledDestroyTime).toBeUndefined();
    expect(await change("cancelKeyDestruction", key)).toEqual(cancelled);
    const again = await coffer.clients().keys.scheduleKeyDestruction({ id: key.id, destroyAfter: days(1) });
    expect(timeOf(again.key?.scheduledDestroyTime) - timeOf(again.key?.updateTime)).toBe(dayMs);
  });

  it("audits every change with the key's id", async () => {
    const key = await createKey(coffer);
    for (const rpc of changes) await change(rpc, key);
    const { auditEvents: events } = await coffer.clients().audit.listAuditEvents({ resourceId: key.id });
    const rpcs = [
      "CreateKey",
      "RotateKey",
      "DisableKey",
      "EnableKey",
      "ScheduleKeyDestruction",
      "CancelKeyDestruction",
    ];
    expect(new Set(events.map(({ method }) => method))).toEqual(
      new Set(rpcs.map((rpc) => `coffer.v1.KeyService/${rpc}`)),
    );
    expect(events).toHaveLength(rpcs.length);
    expect(new Set(events.map(({ resourceType, result }) => `${resourceType} ${result}`))).toEqual(
      new Set(["kms_key OK"]),
    );
  });
});

describe("rejects", () => {
  it.each<[string[], KeyInit]>([
    [["name"], { name: "" }],
    [["name"], { name: "x".repeat(64) }],
    [["name"], { name: "-x" }],
    [["name"], { name: "a " }],
    [["name"], { name: " a" }],
    [["description"], { description: "x".repeat(1025) }],
    [["annotations"], { annotations: { a: "x".repeat(16_384) } }],
    [["name"], { name: "a/b" }],
    [["name"], { name: "kéy" }],
    [["algorithm"], { algorithm: "rsa-1024" }],
    [["algorithm"], { algorithm: "AES256-GCM96" }],
    [["algorithm"], { algorithm: "toString" }],
    [["region"], { region: "mars" }],
    [["region", "algorithm"], { region: "mars", algorithm: "none" }],
    [["rotation_period"], { rotationPeriod: days(0) }],
    [["rotation_period"], { rotationPeriod: days(3651) }],
    [["rotation_period"], { rotationPeriod: days(1.5) }],
    [["rotation_period"], { rotationPeriod: days(1, 1) }],
    [['labels["a"]'], { labels: { a: "x".repeat(201) } }],
  ])("%j that breaks its rule in a new key, and writes nothing: case %#", async (fields, init) => {
    const count = async () => (await coffer.sql("select count(*)::int as count from kms_key"))[0]?.["count"];
    const before = await count();
    await expectError(createKey(coffer, init), invalid(...fields));
    expect(await count()).toBe(before);
  });

  it.each<[string, (id: string) => Init<typeof UpdateKeyRequestSchema>]>([
    ["key", () => ({})],
    ["key", () => ({ key: { name: "n" } })],
    ["key.name", (id) => ({ key: { id, name: "-" } })],
    ["key.name", (id) => ({ key: { id }, updateMask: { paths: ["name"] } })],
    ["key.rotation_period", (id) => ({ key: { id, rotationPeriod: days(2.5) } })],
    ["key.rotation_period", (id) => ({ key: { id, rotationPeriod: days(3651) } })],
    ["key.etag", (id) => ({ key: { id, etag: "x".repeat(257) } })],
    ["update_mask", (id) => ({ key: { id }, updateMask: { paths: ["state"] } })],
    ["update_mask", (id) => ({ key: { id, name: "n" }, updateMask: { paths: ["name", "algorithm"] } })],
  ])("%s that breaks its rule in a change: case %#", async (field, requestOf) => {
    const key = await createKey(coffer);
    await expectError(coffer.clients().keys.updateKey(requestOf(key.id)), invalid(field));
    expect(await getKey(coffer, key)).toEqual(key);
  });

  it("times until a destruction that are too short or too long, bad pages, states and regions", async () => {
    const { keys } = coffer.clients();
    const key = await createKey(coffer);
    for (const destroyAfter of [days(0), days(0.5), days(-1), days(3651)]) {
      await expectError(keys.scheduleKeyDestruction({ id: key.id, destroyAfter }), invalid("destroy_after"));
    }
    expect(await getKey(coffer, key)).toEqual(key);
    await expectError(keys.listKeys({ pageToken: "nonsense" }), invalid("page_token"));
    const { nextPageToken } = await keys.listKeys({ pageSize: 1 });
    await expectError(keys.listKeys({ pageToken: nextPageToken, region: "eu-1" }), invalid("page_token"));
    await expectError(keys.listKeys({ pageSize: 1001 }), invalid("page_size"));
    await expectError(keys.listKeys({ region: "mars" }), invalid("region"));
    await expectError(keys.listKeys({ states: [KeyState.UNSPECIFIED] }), invalid("states[0]"));
    await expectError(keys.getKey({ id: "" }), invalid("id"));
    for (const rpc of changes) await expectError(keys[rpc]({ id: "" }), invalid("id"));
  });
});

describe("denies", () => {
  let foreign = { id: "" };
  beforeAll(async () => {
    const { ownerToken } = await otherWorkspace(coffer);
    foreign = await createKey(coffer, {}, ownerToken);
  });

  it("keys of other workspaces, which look like keys that do not exist", async () => {
    const { keys } = coffer.clients();
    for (const id of [foreign.id, unknownKeyId]) {
      await expectError(keys.getKey({ id }), keyNotFound(id));
      await expectError(keys.updateKey({ key: { id, name: "mine" } }), keyNotFound(id));
      for (const rpc of changes) await expectError(keys[rpc]({ id }), keyNotFound(id));
      await expectError(createSecret(coffer, { kmsKeyId: id }), keyNotFound(id));
    }
    expect((await keys.listKeys({ pageSize: 1000 })).keys.map(({ id }) => id)).not.toContain(foreign.id);
  });

  it("an operator to change keys, whom it lets see them", async () => {
    const { keys } = coffer.clients(await coffer.tokenWithRole(Role.OPERATOR));
    const { id } = await createKey(coffer);
    expect((await keys.getKey({ id })).key?.id).toBe(id);
    await expectError(keys.createKey({ name: newName() }), denied("keys.create"));
    await expectError(keys.scheduleKeyDestruction({ id }), denied("keys.destroy"));
    await expectError(keys.cancelKeyDestruction({ id }), denied("keys.destroy"));
  });

  it("calls without a token", async () => {
    const response = await coffer.fetch("/coffer.v1.KeyService/ListKeys", { token: null, json: {} });
    expect(response.status).toBe(401);
  });
});

describe("conflicts", () => {
  it("with a name that is taken, with the blocking id for who may list keys, until that key is destroyed", async () => {
    const { id, name } = await createKey(coffer);
    const taken = { code: "AlreadyExists", reason: "KEY_NAME_TAKEN" };
    const metadata = { name, region: "default", id };
    await expectError(createKey(coffer, { name }), { ...taken, metadata, resources: [`kms_key ${id}`] });
    const other = await createKey(coffer);
    const rename = coffer.clients().keys.updateKey({ key: { id: other.id, name } });
    await expectError(rename, { ...taken, metadata });
    const token = await coffer.tokenWithRole(Role.OWNER, ["keys.create"]);
    await expectError(createKey(coffer, { name }, token), { ...taken, metadata: { name, region: "default" } });
    // 20 at once make one.
    const wanted = newName("key");
    const results = await Promise.allSettled(Array.from({ length: 20 }, () => createKey(coffer, { name: wanted })));
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  });

  it("with a stale etag, and says the current one", async () => {
    const { id, etag } = await createKey(coffer);
    const { keys } = coffer.clients();
    for (const rpc of changes) await expectError(keys[rpc]({ id, etag: "9" }), staleEtag(etag));
    await expectError(keys.updateKey({ key: { id, name: newName(), etag: "9" } }), staleEtag(etag));
  });

  it("with the key's state: disabled, pending, and past its time", async () => {
    const key = await createKey(coffer);
    const { id } = key;
    const { keys } = coffer.clients();
    await change("disableKey", key);
    const notActive = { code: "FailedPrecondition", reason: "KEY_NOT_ACTIVE" };
    await expectError(keys.rotateKey({ id }), { ...notActive, metadata: { kms_key_id: id, state: "DISABLED" } });
    await expectError(createSecret(coffer, { kmsKeyId: id }), notActive);
    await change("scheduleKeyDestruction", key);
    await expectError(keys.enableKey({ id }), pending(id));
    await expectError(keys.disableKey({ id }), pending(id));
    await expectError(keys.rotateKey({ id }), notActive);
    await expectError(createSecret(coffer, { kmsKeyId: id }), {
      ...notActive,
      metadata: { kms_key_id: id, state: "PENDING_DESTRUCTION" },
    });
    await makeDestructionDue(coffer, key);
    for (const rpc of changes) await expectError(keys[rpc]({ id }), destroyed(id));
    expect(await versionsOf(key)).toEqual([1]);
  });

  it("with the region of a secret", async () => {
    const { id } = await createKey(coffer, { region: "eu-1" });
    const here = coffer.clients().secrets.createSecret({ name: newName(), value: data("v"), kmsKeyId: id });
    await expectError(here, invalid("kms_key_id"));
    expect((await createSecret(coffer, { region: "eu-1", kmsKeyId: id })).kmsKeyId).toBe(id);
  });

  it("among 20 rotations at once of one etag: one rotates", async () => {
    const key = await createKey(coffer);
    const results = await Promise.allSettled(Array.from({ length: 20 }, () => change("rotateKey", key, key.etag)));
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect(await versionsOf(key)).toEqual([1, 2]);
  });
});

describe("replays", () => {
  it("CreateKey and UpdateKey: the key as it is now", async () => {
    const { keys } = coffer.clients();
    const request = { name: newName("key") };
    const created = await twice("create key", (options) => keys.createKey(request, options));
    expect(created.second).toEqual({ answer: created.first.answer, replayed: true });
    const { id, etag } = present(created.first.answer.key);
    const change = { key: { id, etag, labels: { a: "b" } } };
    const updated = await twice("update key", (options) => keys.updateKey(change, options));
    expect(updated.second).toEqual({ answer: updated.first.answer, replayed: true });
    expect(updated.second.answer.key?.etag).toBe("2");
  });

  it.each(changes)("%s: once, whatever the etag has become", async (rpc) => {
    const key = await createKey(coffer);
    if (rpc === "enableKey") await change("disableKey", key);
    if (rpc === "cancelKeyDestruction") await change("scheduleKeyDestruction", key);
    const { id, etag } = await getKey(coffer, key);
    const { keys } = coffer.clients();
    const call = async (options: CallOptions) => present((await keys[rpc]({ id, etag }, options)).key);
    const seen = await twice(`${rpc} once`, call);
    expect(seen.first.answer.etag).toBe(String(Number(etag) + 1));
    expect(seen.second).toEqual({ answer: seen.first.answer, replayed: true });
  });
});

describe("a key that SQL has changed", () => {
  it.each([
    ["its state", "state = 'ACTIVE'"],
    ["its name", "name = 'another'"],
    ["its primary version", "primary_version = 7"],
  ])("in %s is not changed by any call, which would vouch for it", async (_, set) => {
    const key = await createKey(coffer);
    const secret = await createSecret(coffer, { kmsKeyId: key.id });
    await change("disableKey", key);
    await coffer.sql(`update kms_key set ${set} where kms_key_id = $1`, [key.id]);
    const corrupt = { code: "DataLoss", reason: "VALUE_CORRUPT", metadata: { record: "kms_key" } };
    for (const rpc of changes) await expectError(change(rpc, key), corrupt);
    await expectError(coffer.clients().keys.updateKey({ key: { id: key.id, labels: { a: "b" } } }), corrupt);
    await expectError(coffer.clients().secrets.getSecretValue(byId(secret.id)), corrupt);
    expect(await versionsOf(key)).toEqual([1]);
  });
});
