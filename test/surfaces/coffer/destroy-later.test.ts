// DestroySecretVersion with destroy_after, on the real servers: disabled until then, and called off by enabling.
import { describe, expect, it } from "vitest";
import { type Secret, SecretVersionState } from "../../../gen/coffer/v1/secret_pb.ts";
import type { DestroySecretVersionRequestSchema } from "../../../gen/coffer/v1/secret_service_pb.ts";
import { Role } from "../../../gen/coffer/v1/token_service_pb.ts";
import { otherWorkspace } from "../../support/broad-token.ts";
import { useCoffer } from "../../support/coffer.ts";
import { denied, expectError, invalid, secretNotFound, staleEtag } from "../../support/errors.ts";
import { twice, withKey } from "../../support/replay.ts";
import {
  addVersion,
  byId,
  byName,
  createSecret,
  getSecret,
  type Init,
  present,
  readText,
  softDelete,
  timeOf,
  unknownSecretId,
} from "../../support/secrets.ts";

const coffer = useCoffer();
const { ENABLED, DISABLED, DESTROYED } = SecretVersionState;
const hour = { seconds: 3600n };

type Request = Init<typeof DestroySecretVersionRequestSchema>;
const destroy = async (request: Request, token?: string) =>
  present((await coffer.clients(token).secrets.destroySecretVersion(request)).version);
const schedule = ({ id }: Pick<Secret, "id">, init: Partial<Request> = {}) =>
  destroy({ ...byId(id), version: "1", destroyAfter: hour, ...init });
const get = async ({ id }: Secret) =>
  present((await coffer.clients().secrets.getSecretVersion({ ...byId(id), version: "1" })).version);

describe("succeeds", () => {
  it("disables the version and shows when it will be destroyed, by the database's clock", async () => {
    const secret = await createSecret(coffer);
    await addVersion(coffer, secret, "v2");
    const before = Date.now();
    const scheduled = await schedule(secret, { destroyAfter: { seconds: 90n, nanos: 500_000_000 } });
    expect(scheduled).toMatchObject({ state: DISABLED, etag: "2", versionNumber: 1 });
    expect(scheduled.destroyTime).toBeUndefined();
    expect(Math.abs(timeOf(scheduled.scheduledDestroyTime) - before - 90_500)).toBeLessThan(5_000);
    expect(await get(secret)).toEqual(scheduled);
    const { versions } = await coffer.clients().secrets.listSecretVersions(byId(secret.id));
    expect(versions.map(({ scheduledDestroyTime }) => scheduledDestroyTime !== undefined)).toEqual([false, true]);
    expect(await getSecret(coffer, secret)).toMatchObject({ currentVersion: 2, enabledVersionCount: 1, etag: "3" });
    await expectError(coffer.clients().secrets.getSecretValue({ ...byId(secret.id), version: "1" }), {
      code: "FailedPrecondition",
      reason: "VERSION_DISABLED",
    });
  });

  it("is called off by enabling: the value is there again", async () => {
    const secret = await createSecret(coffer);
    await schedule(secret);
    const { version } = await coffer.clients().secrets.enableSecretVersion({ ...byId(secret.id), version: "1" });
    expect(version).toMatchObject({ state: ENABLED, etag: "3" });
    expect(version?.scheduledDestroyTime).toBeUndefined();
    expect(await readText(coffer, secret)).toBe("v1");
  });

  it("schedules what is disabled or scheduled already anew, and destroys at once without the field", async () => {
    const secret = await createSecret(coffer);
    await coffer.clients().secrets.disableSecretVersion({ ...byId(secret.id), version: "1" });
    const first = await schedule(secret);
    const second = await schedule(secret, { destroyAfter: { seconds: 7200n } });
    expect(timeOf(second.scheduledDestroyTime) - timeOf(first.scheduledDestroyTime)).toBeGreaterThan(3_000_000);
    expect(second.etag).toBe("4");
    const destroyed = await destroy({ ...byId(secret.id), version: "1" });
    expect(destroyed).toMatchObject({ state: DESTROYED, etag: "5" });
    expect(destroyed.scheduledDestroyTime).toBeUndefined();
    // Destroyed versions do not change.
    expect(await schedule(secret)).toEqual(destroyed);
  });

  it("stays scheduled when it is disabled again, and when its secret is deleted and undeleted", async () => {
    const secret = await createSecret(coffer);
    const scheduled = await schedule(secret);
    const { version } = await coffer.clients().secrets.disableSecretVersion({ ...byId(secret.id), version: "1" });
    expect(version).toEqual(scheduled);
    await softDelete(coffer, secret);
    await coffer.clients().secrets.undeleteSecret({ id: secret.id });
    expect(await get(secret)).toEqual(scheduled);
  });

  it.each([1n, 86_400_000n])("takes %i seconds, the secret by name and the version's etag", async (seconds) => {
    const { name } = await createSecret(coffer);
    const request = { ...byName(name), version: "latest", etag: '"1"', destroyAfter: { seconds } };
    expect((await destroy(request)).state).toBe(DISABLED);
  });
});

describe("rejects", () => {
  it.each([
    ["nothing", {}],
    ["less than a second", { nanos: 999_999_999 }],
    ["a negative time", { seconds: -1n }],
    ["more than 1,000 days", { seconds: 86_400_000n, nanos: 1 }],
  ])("%s", async (_what, destroyAfter) => {
    const secret = await createSecret(coffer);
    await expectError(schedule(secret, { destroyAfter }), invalid("destroy_after"));
    expect((await get(secret)).state).toBe(ENABLED);
  });

  it("every broken rule at once", async () => {
    const request = { ...byId("a"), version: "", etag: "x".repeat(257), destroyAfter: {} };
    await expectError(destroy(request), invalid("version", "etag", "destroy_after"));
  });

  it("unknown and foreign secrets with one answer, unknown versions, and soft-deleted secrets", async () => {
    const { ownerToken } = await otherWorkspace(coffer);
    const foreign = await createSecret(coffer, {}, ownerToken);
    for (const id of [unknownSecretId, foreign.id]) await expectError(schedule({ id }), secretNotFound);
    const secret = await createSecret(coffer);
    await expectError(schedule(secret, { version: "2" }), { code: "NotFound", reason: "VERSION_NOT_FOUND" });
    await softDelete(coffer, secret);
    await expectError(schedule(secret), { code: "FailedPrecondition", reason: "SECRET_SOFT_DELETED" });
  });
});

describe("denies", () => {
  it("an operator, who may disable, to schedule a destruction; and a call without a token", async () => {
    const secret = await createSecret(coffer);
    const token = await coffer.tokenWithRole(Role.OPERATOR);
    const request = { ...byId(secret.id), version: "1", destroyAfter: hour };
    await expectError(destroy(request, token), denied("versions.destroy"));
    const json = { id: secret.id, version: "1", destroyAfter: "3600s" };
    const path = "/coffer.v1.SecretService/DestroySecretVersion";
    expect((await coffer.fetch(path, { json, token: null })).status).toBe(401);
    expect((await get(secret)).state).toBe(ENABLED);
  });

  it("who may not enable to call it off", async () => {
    const secret = await createSecret(coffer);
    await schedule(secret);
    const token = await coffer.tokenWithRole(Role.ADMIN, ["versions.destroy", "versions.disable"]);
    const call = coffer.clients(token).secrets.enableSecretVersion({ ...byId(secret.id), version: "1" });
    await expectError(call, denied("versions.enable"));
  });
});

describe("conflicts", () => {
  it("with a stale etag of the version, and says the current one", async () => {
    const secret = await createSecret(coffer);
    const { etag } = await schedule(secret);
    await expectError(schedule(secret, { etag: "1" }), staleEtag(etag));
  });

  it("among 10 that schedule at once with one etag: one wins", async () => {
    const secret = await createSecret(coffer);
    const results = await Promise.allSettled(Array.from({ length: 10 }, () => schedule(secret, { etag: "1" })));
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  });
});

describe("replays", () => {
  it("without scheduling anew, also after it was called off; another delay is another request", async () => {
    const secret = await createSecret(coffer);
    const { secrets } = coffer.clients();
    const request = { ...byId(secret.id), version: "1", destroyAfter: hour };
    const { first, second } = await twice("later", (options) => secrets.destroySecretVersion(request, options));
    expect(first.replayed).toBe(false);
    expect(second).toEqual({ answer: first.answer, replayed: true });
    await secrets.enableSecretVersion({ ...byId(secret.id), version: "1" });
    const third = await withKey("later", (options) => secrets.destroySecretVersion(request, options));
    expect(third).toMatchObject({ replayed: true, answer: { version: { state: ENABLED } } });
    expect(await readText(coffer, secret)).toBe("v1");
    const other = { ...request, destroyAfter: { seconds: 60n } };
    await expectError(
      withKey("later", (options) => secrets.destroySecretVersion(other, options)),
      {
        reason: "IDEMPOTENCY_KEY_REUSED",
      },
    );
  });
});
