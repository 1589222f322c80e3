// Rotating and destroying keys at their time, on the real servers.
import { create } from "@bufbuild/protobuf";
import { DurationSchema } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Key, KeyState } from "../../gen/coffer/v1/key_service_pb.ts";
import { destroyKeys } from "../../src/jobs/destroy-keys.ts";
import { rotateKeys } from "../../src/jobs/rotate-keys.ts";
import { otherWorkspace } from "../support/broad-token.ts";
import { startCoffer, type TestCoffer, useCoffer } from "../support/coffer.ts";
import { expectError } from "../support/errors.ts";
import { run, systemEvents } from "../support/jobs.ts";
import { createKey, createSecretsUnder, getKey, makeDestructionDue } from "../support/keys.ts";
import { until } from "../support/poll.ts";
import { addVersion, byId, createSecret, getSecret, readText, timeOf } from "../support/secrets.ts";

const coffer = useCoffer();
let there: TestCoffer;
beforeAll(async () => {
  there = await startCoffer({ besides: coffer });
});
afterAll(() => there.close());

const rotationPeriod = create(DurationSchema, { seconds: 86_400n });
const makeRotationDue = ({ id }: Key) =>
  coffer.sql("update kms_key set next_rotate_time = now() where kms_key_id = $1", [id]);
const materialOf = ({ id }: Key) => coffer.sql("select version from kms_key_version where kms_key_id = $1", [id]);
const tamper = ({ id }: Key, set: string) => coffer.sql(`update kms_key set ${set} where kms_key_id = $1`, [id]);
const notActive = (state: string) => ({ code: "FailedPrecondition", reason: "KEY_NOT_ACTIVE", metadata: { state } });

describe("RotateKeys", () => {
  it("gives keys of every workspace a new version when their period has passed, once", async () => {
    const { ownerToken } = await otherWorkspace(coffer);
    const foreign = await createKey(coffer, { rotationPeriod }, ownerToken);
    const key = await createKey(coffer, { rotationPeriod });
    const other = await createKey(coffer, { rotationPeriod });
    const secret = await createSecret(coffer, { kmsKeyId: key.id });
    for (const due of [foreign, key]) await makeRotationDue(due);
    expect((await run(coffer, rotateKeys)).items).toBe(2);
    expect((await run(coffer, rotateKeys)).items).toBe(0);
    const rotated = await getKey(coffer, key);
    expect(rotated).toMatchObject({ primaryVersion: 2, state: KeyState.ACTIVE, etag: "2" });
    expect(timeOf(rotated.nextRotateTime) - timeOf(rotated.rotateTime)).toBe(86_400_000);
    expect(await getKey(coffer, other)).toEqual(other);
    expect((await addVersion(coffer, secret, "v2")).kmsKeyVersion).toBe(2);
    expect(await readText(coffer, secret, "1")).toBe("v1");
    expect(await readText(coffer, secret, "2")).toBe("v2");
    for (const { id } of [foreign, key]) {
      expect(await systemEvents(coffer, id)).toEqual([
        expect.objectContaining({
          method: "coffer.jobs/RotateKeys",
          rule: "rotation_period",
          resource_type: "kms_key",
          result: "OK",
        }),
      ]);
    }
  });

  it("gives keys that sign, encrypt or make MACs a new version too, and moves no secrets after it", async () => {
    const algorithms = ["rsa-2048", "rsa-3072", "ecdsa-p256", "ed25519", "hmac"];
    const keys = await Promise.all(algorithms.map((algorithm) => createKey(coffer, { algorithm, rotationPeriod })));
    for (const due of keys) await makeRotationDue(due);
    expect((await run(coffer, rotateKeys)).items).toBe(5);
    for (const key of keys) {
      expect(await getKey(coffer, key)).toMatchObject({
        primaryVersion: 2,
        versions: [{ version: 1 }, { version: 2 }],
      });
      expect((await getKey(coffer, key)).rewrap).toBeUndefined();
      expect((await systemEvents(coffer, key.id)).map(({ result }) => result)).toEqual(["OK"]);
    }
    const [row] = await coffer.sql(
      "select count(*)::int as count from kms_key where kms_key_id = any ($1) and rewrap_after is not null",
      [keys.map(({ id }) => id)],
    );
    expect(row).toEqual({ count: 0 });
    expect((await run(coffer, rotateKeys)).items).toBe(0);
  }, 60_000);

  it("leaves disabled keys alone until they are enabled", async () => {
    const key = await createKey(coffer, { rotationPeriod });
    await makeRotationDue(key);
    await coffer.clients().keys.disableKey({ id: key.id });
    await makeRotationDue(key);
    expect((await run(coffer, rotateKeys)).items).toBe(0);
    expect((await getKey(coffer, key)).primaryVersion).toBe(1);
  });

  it("vouches for no key that SQL has changed: it is reported, and the others are rotated", async () => {
    const tampered = await createKey(coffer, { rotationPeriod });
    const sound = await createKey(coffer, { rotationPeriod });
    const secret = await createSecret(coffer, { kmsKeyId: tampered.id });
    await coffer.clients().keys.disableKey({ id: tampered.id });
    await tamper(tampered, "state = 'ACTIVE'");
    for (const due of [tampered, sound]) await makeRotationDue(due);
    await run(coffer, rotateKeys);
    expect((await getKey(coffer, sound)).primaryVersion).toBe(2);
    expect((await getKey(coffer, tampered)).primaryVersion).toBe(1);
    expect(await materialOf(tampered)).toHaveLength(1);
    const [event, ...more] = await systemEvents(coffer, tampered.id);
    expect([event?.["result"], more]).toEqual(["VALUE_CORRUPT", []]);
    await expectError(coffer.clients().secrets.getSecretValue(byId(secret.id)), { reason: "VALUE_CORRUPT" });
    expect((await run(coffer, rotateKeys)).items).toBe(0);
  });
});

describe("DestroyKeys", () => {
  it("deletes the material at its time, with one event; metadata stays, and the name is free", async () => {
    const key = await createKey(coffer);
    const [secret] = await createSecretsUnder(coffer, key, 3);
    const { id } = secret as { id: string };
    await coffer.clients().keys.rotateKey({ id: key.id });
    await makeDestructionDue(coffer, key);
    expect((await run(coffer, destroyKeys)).items).toBe(1);
    expect(await materialOf(key)).toEqual([]);
    const destroyed = await getKey(coffer, key);
    expect(destroyed).toMatchObject({ state: KeyState.DESTROYED, name: key.name, etag: "4" });
    expect(destroyed.destroyTime).toBeDefined();
    expect(destroyed.scheduledDestroyTime).toBeUndefined();
    expect(await getSecret(coffer, { id })).toMatchObject({ kmsKeyId: key.id, currentVersion: 1 });
    for (const instance of [coffer, there]) {
      await expectError(instance.clients().secrets.getSecretValue(byId(id)), notActive("DESTROYED"));
    }
    await expectError(createSecret(coffer, { kmsKeyId: key.id }), notActive("DESTROYED"));
    expect(await systemEvents(coffer, key.id)).toEqual([
      expect.objectContaining({ method: "coffer.jobs/DestroyKeys", rule: "scheduled_destroy_time", result: "OK" }),
    ]);
    expect((await createKey(coffer, { name: key.name })).name).toBe(key.name);
    const { keys } = await coffer.clients().keys.listKeys({ states: [KeyState.DESTROYED] });
    expect(keys).toEqual([destroyed]);
    expect((await run(coffer, destroyKeys)).items).toBe(0);
  });

  it("deletes the material of keys that sign, and nothing signs, verifies or shows a public key afterwards", async () => {
    const key = await createKey(coffer, { algorithm: "ecdsa-p256" });
    const input = new TextEncoder().encode("m");
    const { id } = key;
    const { signature } = await there.clients().keys.sign({ id, input });
    await makeDestructionDue(coffer, key);
    expect((await run(coffer, destroyKeys)).items).toBe(1);
    expect(await materialOf(key)).toEqual([]);
    expect((await getKey(coffer, key)).versions).toEqual([]);
    for (const { keys } of [coffer.clients(), there.clients()]) {
      await expectError(keys.sign({ id, input }), notActive("DESTROYED"));
      await expectError(keys.verify({ id, input, signature }), notActive("DESTROYED"));
      await expectError(keys.getPublicKey({ id }), { code: "FailedPrecondition", reason: "KEY_DESTROYED" });
    }
  });

  it("keeps a key whose destruction was called off, and its values", async () => {
    const key = await createKey(coffer);
    const secret = await createSecret(coffer, { kmsKeyId: key.id });
    const { keys, secrets } = coffer.clients();
    await keys.scheduleKeyDestruction({ id: key.id });
    await expectError(secrets.getSecretValue(byId(secret.id)), notActive("PENDING_DESTRUCTION"));
    await keys.cancelKeyDestruction({ id: key.id });
    expect((await run(coffer, destroyKeys)).items).toBe(0);
    await expectError(secrets.getSecretValue(byId(secret.id)), notActive("DISABLED"));
    await keys.enableKey({ id: key.id });
    expect(await readText(coffer, secret)).toBe("v1");
  });

  it("makes a new default key when that of a region was destroyed", async () => {
    const { ownerToken } = await otherWorkspace(coffer);
    const { keys } = coffer.clients(ownerToken);
    const [first] = (await keys.listKeys({})).keys as [Key];
    await keys.scheduleKeyDestruction({ id: first.id });
    await expectError(createSecret(coffer, {}, ownerToken), notActive("PENDING_DESTRUCTION"));
    await coffer.sql("update kms_key set scheduled_destroy_time = now() where kms_key_id = $1", [first.id]);
    await run(coffer, destroyKeys);
    const { kmsKeyId } = await createSecret(coffer, {}, ownerToken);
    expect(kmsKeyId).not.toBe(first.id);
    expect((await keys.listKeys({})).keys.map(({ id, name }) => [id, name])).toEqual([[kmsKeyId, "default"]]);
  });

  it("destroys nothing that SQL alone has scheduled", async () => {
    const key = await createKey(coffer);
    await tamper(key, "state = 'PENDING_DESTRUCTION', scheduled_destroy_time = now()");
    await run(coffer, destroyKeys);
    expect(await materialOf(key)).toHaveLength(1);
    expect((await systemEvents(coffer, key.id)).map(({ result }) => result)).toEqual(["VALUE_CORRUPT"]);
  });

  it("leaves no material in the memory of any instance for longer than five seconds, also when the word of it is lost", async () => {
    const instances = [coffer, there];
    const keysOf = async (count: number) => {
      const made = await Promise.all(Array.from({ length: count }, () => createKey(coffer)));
      for (const key of made) await readEverywhere(instances, key);
      return made;
    };
    const [heard, lost] = (await keysOf(2)) as [Key, Key];
    for (const key of [heard, lost]) expect(await areKept(instances, key)).toEqual([true, true]);
    const gone = (key: Key) => async () => (await areKept(instances, key)).every((kept) => !kept);
    await makeDestructionDue(coffer, heard);
    await run(coffer, destroyKeys);
    await until("no instance has it", gone(heard), 2_000);
    expect(await areKept(instances, lost)).toEqual([true, true]);
    await coffer.sql(
      "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and query ilike 'listen%'",
    );
    await makeDestructionDue(coffer, lost);
    await run(coffer, destroyKeys);
    await until("no instance has it", gone(lost), 5_000);
  });
});

async function readEverywhere(instances: readonly TestCoffer[], key: Key): Promise<void> {
  const secret = await createSecret(coffer, { kmsKeyId: key.id });
  for (const instance of instances) expect(await readText(instance, secret)).toBe("v1");
}

/** Whether instances have the key's material in memory: then they need not look for it, where by now there may be none. */
function areKept(instances: readonly TestCoffer[], key: Key): Promise<boolean[]> {
  return Promise.all(instances.map(async ({ deps }) => deps.keyMaterial.has(key.id)));
}
