// Moving versions to the newest version of their key, on the real servers.
import { Client } from "pg";
import { describe, expect, it } from "vitest";
import type { Key } from "../../gen/coffer/v1/key_service_pb.ts";
import { parseEnvelope } from "../../src/envelope/format.ts";
import { rewrapVersions } from "../../src/jobs/rewrap-versions.ts";
import { otherWorkspace } from "../support/broad-token.ts";
import { useCoffer } from "../support/coffer.ts";
import { run, systemEvents } from "../support/jobs.ts";
import { createKey, createSecretsUnder, getKey, keyVersionsInUse } from "../support/keys.ts";
import { addVersion, byId, createSecret, present, readText, softDelete } from "../support/secrets.ts";

const coffer = useCoffer();

const rotate = async ({ id }: Key) => present((await coffer.clients().keys.rotateKey({ id })).key);
/** As if it had been rotated a while ago: the next pass may be the last. */
const rotatedLongAgo = ({ id }: Key) =>
  coffer.sql(
    `update kms_key set rotate_time = now() - interval '1 hour', rewrap_after = least(rewrap_after, now())
      where kms_key_id = $1`,
    [id],
  );
const remaining = async (key: Key) => (await getKey(coffer, key)).rewrap?.remaining;
const envelopeOf = async ({ id }: { id: string }, version = 1) => {
  const [row] = await coffer.sql("select envelope from secret_version where secret_id = $1 and version_number = $2", [
    id,
    version,
  ]);
  return parseEnvelope(row?.["envelope"] as Uint8Array);
};

describe("a rewrap", () => {
  it("moves enabled, disabled and soft-deleted versions, tells how many are left, and touches no payload and no etag", async () => {
    const key = await createKey(coffer);
    const made = await createSecretsUnder(coffer, key, 5);
    const [first, second, third] = made as [(typeof made)[number], (typeof made)[number], (typeof made)[number]];
    await addVersion(coffer, first, "v2");
    await addVersion(coffer, first, "v3");
    const { secrets } = coffer.clients();
    await secrets.disableSecretVersion({ ...byId(first.id), version: "1" });
    await secrets.destroySecretVersion({ ...byId(first.id), version: "2" });
    await softDelete(coffer, third);
    const elsewhere = await createSecret(coffer);
    const before = await envelopeOf(second);
    expect(await remaining(key)).toBeUndefined();
    await rotate(key);
    expect(await remaining(key)).toBe(6);
    const { version } = await secrets.getSecretVersion({ ...byId(second.id), version: "1" });
    await run(coffer, rewrapVersions);
    expect(await keyVersionsInUse(coffer, key)).toEqual([2]);
    expect(await remaining(key)).toBe(0);
    const after = await envelopeOf(second);
    expect(after.keyVersion.version).toBe(2);
    expect({ nonce: after.nonce, ciphertext: after.ciphertext }).toEqual({
      nonce: before.nonce,
      ciphertext: before.ciphertext,
    });
    expect(after.wrappedDek).not.toEqual(before.wrappedDek);
    const moved = await secrets.getSecretVersion({ ...byId(second.id), version: "1" });
    expect(moved.version).toEqual({ ...version, kmsKeyVersion: 2 });
    await secrets.undeleteSecret({ id: third.id });
    await secrets.enableSecretVersion({ ...byId(first.id), version: "1" });
    for (const secret of [...made, elsewhere]) expect(await readText(coffer, secret, "1")).toBe("v1");
    expect(await readText(coffer, first)).toBe("v3");
    expect((await envelopeOf(elsewhere)).keyVersion.version).toBe(1);
  });

  it("is over, with one event, after a pass that began a minute after the rotation: late writers are found", async () => {
    const key = await createKey(coffer);
    const [early, late] = await createSecretsUnder(coffer, key, 2);
    const old = await coffer.sql("select envelope from secret_version where secret_id = $1", [late?.id]);
    await rotate(key);
    await run(coffer, rewrapVersions);
    expect((await run(coffer, rewrapVersions)).items).toBe(0);
    expect(await systemEvents(coffer, key.id)).toEqual([]);
    // A call that had found the key before the rotation writes after the pass.
    await coffer.sql("update secret_version set envelope = $1, kms_key_version = 1 where secret_id = $2", [
      old[0]?.["envelope"],
      late?.id,
    ]);
    expect(await remaining(key)).toBe(1);
    await rotatedLongAgo(key);
    await run(coffer, rewrapVersions);
    expect(await keyVersionsInUse(coffer, key)).toEqual([2]);
    expect(await remaining(key)).toBeUndefined();
    expect(await systemEvents(coffer, key.id)).toEqual([
      expect.objectContaining({ method: "coffer.jobs/RewrapSecretVersions", resource_type: "kms_key", result: "OK" }),
    ]);
    for (const secret of [early, late]) expect(await readText(coffer, present(secret))).toBe("v1");
    expect((await run(coffer, rewrapVersions)).items).toBe(0);
  });

  it("goes on where it was stopped, over several rotations, and moves keys of other workspaces too", async () => {
    const { ownerToken } = await otherWorkspace(coffer);
    const foreign = await createKey(coffer, {}, ownerToken);
    const secret = await createSecret(coffer, { kmsKeyId: foreign.id }, ownerToken);
    const key = await createKey(coffer);
    await createSecretsUnder(coffer, key, 450);
    await rotate(key);
    await coffer.deps.database.transaction((tx) => rewrapVersions.runBatch(coffer.deps, tx));
    await coffer.deps.database.transaction((tx) => rewrapVersions.runBatch(coffer.deps, tx));
    const left = present(await remaining(key));
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThan(450);
    expect(await keyVersionsInUse(coffer, key)).toEqual([1, 2]);
    await rotate(key);
    await coffer.clients(ownerToken).keys.rotateKey({ id: foreign.id });
    await run(coffer, rewrapVersions);
    expect(await keyVersionsInUse(coffer, key)).toEqual([3]);
    expect(await keyVersionsInUse(coffer, foreign)).toEqual([2]);
    const { value } = await coffer.clients(ownerToken).secrets.getSecretValue(byId(secret.id));
    expect(new TextDecoder().decode(value.value as Uint8Array)).toBe("v1");
  });

  it("waits while the key is disabled", async () => {
    const key = await createKey(coffer);
    const secret = await createSecret(coffer, { kmsKeyId: key.id });
    await rotate(key);
    await coffer.clients().keys.disableKey({ id: key.id });
    expect((await run(coffer, rewrapVersions)).items).toBe(0);
    expect(await keyVersionsInUse(coffer, key)).toEqual([1]);
    await coffer.clients().keys.enableKey({ id: key.id });
    await run(coffer, rewrapVersions);
    expect(await keyVersionsInUse(coffer, key)).toEqual([2]);
    expect(await readText(coffer, secret)).toBe("v1");
  });

  it("leaves what another transaction holds for another pass", async () => {
    const key = await createKey(coffer);
    const [held, free] = await createSecretsUnder(coffer, key, 2);
    await rotate(key);
    await rotatedLongAgo(key);
    const holder = new Client(coffer.databaseUrl);
    await holder.connect();
    try {
      await holder.query("begin");
      await holder.query("select 1 from secret_version where secret_id = $1 for update", [held?.id]);
      await run(coffer, rewrapVersions);
      expect(await remaining(key)).toBe(1);
      await holder.query("rollback");
    } finally {
      await holder.end();
    }
    await coffer.sql("update kms_key set rewrap_after = now() where kms_key_id = $1", [key.id]);
    await run(coffer, rewrapVersions);
    expect(await remaining(key)).toBeUndefined();
    for (const secret of [held, free]) expect(await readText(coffer, present(secret))).toBe("v1");
  });

  it("leaves an envelope that does not authenticate as it is, reports it, and moves the others", async () => {
    const key = await createKey(coffer);
    const [broken, whole] = await createSecretsUnder(coffer, key, 2);
    await coffer.sql(
      "update secret_version set envelope = set_byte(envelope, 60, get_byte(envelope, 60) # 1) where secret_id = $1",
      [broken?.id],
    );
    await rotate(key);
    await run(coffer, rewrapVersions);
    expect(await keyVersionsInUse(coffer, key)).toEqual([1, 2]);
    expect((await systemEvents(coffer, present(broken).id)).map(({ result }) => result)).toEqual(["VALUE_CORRUPT"]);
    expect(await remaining(key)).toBe(1);
    expect(await readText(coffer, present(whole))).toBe("v1");
    expect((await run(coffer, rewrapVersions)).items).toBe(0);
  });

  it("is not made for a key that SQL has changed", async () => {
    const key = await createKey(coffer);
    await createSecret(coffer, { kmsKeyId: key.id });
    await rotate(key);
    await coffer.clients().keys.disableKey({ id: key.id });
    await coffer.sql("update kms_key set state = 'ACTIVE' where kms_key_id = $1", [key.id]);
    await run(coffer, rewrapVersions);
    expect(await keyVersionsInUse(coffer, key)).toEqual([1]);
    expect((await systemEvents(coffer, key.id)).map(({ result }) => result)).toEqual(["VALUE_CORRUPT"]);
    expect((await run(coffer, rewrapVersions)).items).toBe(0);
  });
});
