// Secrets that expire, on the real servers: by the database's clock, noted down or not.
import { create } from "@bufbuild/protobuf";
import { DurationSchema, TimestampSchema, timestampFromDate } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "vitest";
import { SecretState } from "../../../gen/coffer/v1/secret_pb.ts";
import { useCoffer } from "../../support/coffer.ts";
import { expectError, invalid, secretNotFound } from "../../support/errors.ts";
import {
  addVersion,
  byId,
  byName,
  createSecret,
  data,
  getSecret,
  newName,
  readText,
  type SecretInit,
  softDelete,
  timeOf,
} from "../../support/secrets.ts";
import { setSecrets } from "../../support/signed-rows.ts";

const coffer = useCoffer();
const dayMs = 86_400_000;
const at = (time: number) => ({ case: "expireTime", value: timestampFromDate(new Date(time)) }) as const;
const ttl = (seconds: bigint, nanos = 0) =>
  ({ case: "ttl", value: create(DurationSchema, { seconds, nanos }) }) as const;
const atSecond = (seconds: bigint) => ({ case: "expireTime", value: create(TimestampSchema, { seconds }) }) as const;

/** A secret whose time has come, which nothing has noted down yet. */
async function expired(init: SecretInit = {}) {
  const secret = await createSecret(coffer, { expiration: ttl(3600n), ...init });
  await setSecrets(coffer, "expire_time = now() - interval '1 minute'", [secret.id]);
  return secret;
}

describe("succeeds", () => {
  it("keeps an expire_time, and makes one of a ttl by the database's clock", async () => {
    const time = Date.now() + dayMs;
    expect(timeOf((await createSecret(coffer, { expiration: at(time) })).expireTime)).toBe(time);
    const { createTime, expireTime } = await createSecret(coffer, { expiration: ttl(90n, 500_000_000) });
    expect(timeOf(expireTime) - timeOf(createTime)).toBe(90_500);
  });

  it("shows an expired secret as soft-deleted since then, to be purged after the retention", async () => {
    const { id } = await expired();
    const secret = await getSecret(coffer, { id });
    expect(secret.state).toBe(SecretState.SOFT_DELETED);
    expect(secret.deleteTime).toEqual(secret.expireTime);
    expect(timeOf(secret.purgeTime) - timeOf(secret.expireTime)).toBe(30 * dayMs);
  });

  it("lists an expired secret among the soft-deleted ones only", async () => {
    const { id } = await expired({ name: "listed/expired" });
    const list = async (states: SecretState[]) => {
      const { secrets } = await coffer.clients().secrets.listSecrets({ namePrefix: "listed/", states });
      return secrets.map((secret) => secret.id);
    };
    expect(await list([])).toEqual([]);
    expect(await list([SecretState.ACTIVE])).toEqual([]);
    expect(await list([SecretState.SOFT_DELETED])).toEqual([id]);
    expect(await list([SecretState.SOFT_DELETED, SecretState.ACTIVE])).toEqual([id]);
  });

  it("gives up the path of an expired secret: to a new secret, to a new name, to an undeleted one", async () => {
    const { secrets } = coffer.clients();
    const toNew = await expired();
    expect((await createSecret(coffer, { name: toNew.name })).id).not.toBe(toNew.id);

    const toRenamed = await expired();
    const renamed = await createSecret(coffer);
    const update = { secret: { id: renamed.id, name: toRenamed.name }, updateMask: { paths: ["name"] } };
    expect((await secrets.updateSecret(update)).secret?.name).toBe(toRenamed.name);

    const name = newName();
    const deleted = await softDelete(coffer, await createSecret(coffer, { name }));
    await expired({ name });
    expect((await secrets.undeleteSecret({ id: deleted.id })).secret).toMatchObject({ id: deleted.id, name });
  });

  it("undeletes an expired secret, which then does not expire again at once", async () => {
    const { id } = await expired();
    const { secret } = await coffer.clients().secrets.undeleteSecret({ id });
    expect(secret).toMatchObject({ state: SecretState.ACTIVE, currentVersion: 1 });
    expect(secret?.expireTime).toBeUndefined();
    expect(await readText(coffer, { id })).toBe("v1");
  });

  it("undeletes a secret with the expire_time that still lies ahead", async () => {
    const { id, expireTime } = await createSecret(coffer, { expiration: ttl(3600n) });
    await softDelete(coffer, { id });
    expect((await coffer.clients().secrets.undeleteSecret({ id })).secret?.expireTime).toEqual(expireTime);
  });

  it("destroys the versions of an expired secret by force", async () => {
    const { id } = await expired();
    expect(await softDelete(coffer, { id }, true)).toMatchObject({ enabledVersionCount: 0, currentVersion: 0 });
    await expectError(coffer.clients().secrets.undeleteSecret({ id }), secretNotFound);
  });
});

describe("rejects", () => {
  it.each<[string, string, NonNullable<SecretInit["expiration"]>]>([
    ["an expire_time of the past", "expire_time", at(Date.now() - 1000)],
    ["an expire_time that Postgres cannot hold", "expire_time", atSecond(-(2n ** 40n))],
    ["an expire_time that no calendar has", "expire_time", atSecond(2n ** 60n)],
    ["an expire_time past the year 9999", "expire_time", atSecond(253_402_300_800n)],
    ["a ttl of nothing", "ttl", ttl(0n)],
    ["a ttl of less than the clock can tell", "ttl", ttl(0n, 1)],
    ["a negative ttl", "ttl", ttl(-1n)],
    ["a ttl of more than 1000 years", "ttl", ttl(31_536_000_001n)],
  ])("%s", async (_, field, expiration) => {
    const { secrets } = coffer.clients();
    await expectError(secrets.createSecret({ name: newName(), value: data("v"), expiration }), invalid(field));
  });

  it("to read, change or delete an expired secret", async () => {
    const { id, name, etag } = await expired();
    const { secrets } = coffer.clients();
    await expectError(secrets.getSecretValue(byId(id)), secretNotFound);
    await expectError(secrets.getSecret(byName(name)), secretNotFound);
    await expectError(secrets.deleteSecret(byId(id)), secretNotFound);
    const softDeleted = { code: "FailedPrecondition", reason: "SECRET_SOFT_DELETED", metadata: { id } };
    await expectError(secrets.updateSecret({ secret: { id, etag, description: "d" } }), softDeleted);
    await expectError(addVersion(coffer, await getSecret(coffer, { id }), "v2"), softDeleted);
    await expectError(secrets.disableSecretVersion({ ...byId(id), version: "1" }), softDeleted);
  });

  it("to undelete an expired secret after its retention", async () => {
    const { id } = await expired();
    await setSecrets(coffer, "expire_time = now() - interval '31 days'", [id]);
    await expectError(coffer.clients().secrets.undeleteSecret({ id }), secretNotFound);
  });
});
