// EnableSecretVersion, DisableSecretVersion and DestroySecretVersion, on the real servers.
import { describe, expect, it } from "vitest";
import { type Secret, SecretVersionState } from "../../../gen/coffer/v1/secret_pb.ts";
import type { EnableSecretVersionRequestSchema } from "../../../gen/coffer/v1/secret_service_pb.ts";
import { Role } from "../../../gen/coffer/v1/token_service_pb.ts";
import { otherWorkspace } from "../../support/broad-token.ts";
import { useCoffer } from "../../support/coffer.ts";
import { denied, expectError, expectErrors, invalid, secretNotFound, staleEtag } from "../../support/errors.ts";
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
  unknownSecretId,
} from "../../support/secrets.ts";

const coffer = useCoffer();
const { ENABLED, DISABLED, DESTROYED } = SecretVersionState;

type Change = "enableSecretVersion" | "disableSecretVersion" | "destroySecretVersion";
/** The requests of the three have the same fields. */
type Request = Init<typeof EnableSecretVersionRequestSchema>;
const rpcs: Change[] = ["enableSecretVersion", "disableSecretVersion", "destroySecretVersion"];

const change = async (rpc: Change, request: Request, token?: string) =>
  present((await coffer.clients(token).secrets[rpc](request)).version);
const enable = (secret: Secret, version: string) => change("enableSecretVersion", { ...byId(secret.id), version });
const disable = (secret: Secret, version: string) => change("disableSecretVersion", { ...byId(secret.id), version });
const destroy = (secret: Secret, version: string) => change("destroySecretVersion", { ...byId(secret.id), version });

describe("succeeds", () => {
  it("moves the current version to the newest enabled one, and counts", async () => {
    const secret = await createSecret(coffer);
    for (const text of ["v2", "v3"]) await addVersion(coffer, secret, text);
    const current = async () => {
      const { currentVersion, enabledVersionCount, versionCount } = await getSecret(coffer, secret);
      return [currentVersion, enabledVersionCount, versionCount];
    };
    expect(await current()).toEqual([3, 3, 3]);
    await disable(secret, "3");
    expect(await current()).toEqual([2, 2, 3]);
    await disable(secret, "1");
    expect(await current()).toEqual([2, 1, 3]);
    await destroy(secret, "2");
    expect(await current()).toEqual([0, 0, 3]);
    await enable(secret, "1");
    expect(await current()).toEqual([1, 1, 3]);
    await enable(secret, "3");
    expect(await current()).toEqual([3, 2, 3]);
  });

  it("changes the etag of the version and of the secret, and a version in that state already stays as it is", async () => {
    const secret = await createSecret(coffer);
    const disabled = await disable(secret, "1");
    expect(disabled).toMatchObject({ state: DISABLED, etag: "2", versionNumber: 1, secretId: secret.id });
    expect(await disable(secret, "1")).toEqual(disabled);
    expect((await getSecret(coffer, secret)).etag).toBe("2");
    const enabled = await enable(secret, "1");
    expect(enabled).toMatchObject({ state: ENABLED, etag: "3" });
    expect(await enable(secret, "1")).toEqual(enabled);
    expect(await readText(coffer, secret)).toBe("v1");
  });

  it("destroys for good: envelope and wrapped key are gone from the database, the row stays", async () => {
    const secret = await createSecret(coffer);
    const destroyed = await destroy(secret, "1");
    expect(destroyed).toMatchObject({ state: DESTROYED, etag: "2" });
    expect(destroyed.destroyTime).toBeDefined();
    expect(await destroy(secret, "1")).toEqual(destroyed);
    const rows = await coffer.sql("select state, envelope from secret_version where secret_id = $1", [secret.id]);
    expect(rows).toEqual([{ state: "DESTROYED", envelope: null }]);
  });

  it("destroys what is disabled", async () => {
    const secret = await createSecret(coffer);
    await disable(secret, "1");
    expect((await destroy(secret, "1")).state).toBe(DESTROYED);
  });

  it.each(rpcs)("finds the version of %s by number, id, alias and `latest`, the secret by id and name", async (rpc) => {
    const secret = await createSecret(coffer);
    for (const text of ["v2", "v3", "v4"]) await addVersion(coffer, secret, text);
    const { version } = await coffer.clients().secrets.getSecretVersion({ ...byId(secret.id), version: "2" });
    await coffer.clients().secrets.updateSecret({ secret: { id: secret.id, versionAliases: { stable: 3 } } });
    const numbers = [];
    for (const request of [
      { ...byName(`/${secret.name}`), version: "1" },
      { ...byId(secret.id), version: present(version).id },
      { ...byName(secret.name), version: "stable" },
      { ...byId(secret.id), version: "latest" },
    ]) {
      numbers.push((await change(rpc, request)).versionNumber);
    }
    expect(numbers).toEqual([1, 2, 3, 4]);
  });

  it.each(rpcs)("takes the version's own etag in %s, bare or quoted", async (rpc) => {
    const secret = await createSecret(coffer);
    await addVersion(coffer, secret, "v2");
    await change(rpc, { ...byId(secret.id), version: "1", etag: "1" });
    expect((await change(rpc, { ...byId(secret.id), version: "2", etag: '"1"' })).versionNumber).toBe(2);
  });
});

describe.each(rpcs)("rejects in %s", (rpc) => {
  it.each<[string, Request]>([
    ["secret", { version: "1" }],
    ["version", byId("a")],
    ["version", { ...byId("a"), version: "0" }],
    ["version", { ...byId("a"), version: "x".repeat(129) }],
    ["etag", { ...byId("a"), version: "1", etag: "x".repeat(257) }],
    ["region", { ...byName("a"), version: "1", region: "moon" }],
  ])("%s that breaks its rule: case %#", async (field, request) => {
    await expectError(change(rpc, request), invalid(field));
  });

  it("unknown and foreign secrets with one answer, unknown versions, and soft-deleted secrets", async () => {
    const { ownerToken } = await otherWorkspace(coffer);
    const foreign = await createSecret(coffer, {}, ownerToken);
    for (const id of [unknownSecretId, foreign.id]) {
      await expectError(change(rpc, { ...byId(id), version: "1" }), secretNotFound);
    }
    const secret = await createSecret(coffer);
    for (const version of ["2", "nobody"]) {
      await expectError(change(rpc, { ...byId(secret.id), version }), {
        code: "NotFound",
        reason: "VERSION_NOT_FOUND",
      });
    }
    await softDelete(coffer, secret);
    await expectError(change(rpc, { ...byId(secret.id), version: "1" }), {
      code: "FailedPrecondition",
      reason: "SECRET_SOFT_DELETED",
    });
  });

  it("nothing with a stale etag, and says the version's current one", async () => {
    const secret = await createSecret(coffer);
    const { etag } = await disable(secret, "1");
    for (const stale of ["1", '"1"', "x"]) {
      await expectError(change(rpc, { ...byId(secret.id), version: "1", etag: stale }), staleEtag(etag));
    }
    expect((await getSecret(coffer, secret)).enabledVersionCount).toBe(0);
  });
});

describe("rejects", () => {
  it("to enable or disable what is destroyed", async () => {
    const secret = await createSecret(coffer);
    await destroy(secret, "1");
    await expectErrors([enable(secret, "1"), disable(secret, "1")], {
      code: "FailedPrecondition",
      reason: "VERSION_ALREADY_DESTROYED",
      metadata: { version: "1" },
    });
  });
});

describe("denies", () => {
  it.each([
    ["enableSecretVersion", Role.VIEWER, "versions.enable"],
    ["disableSecretVersion", Role.VIEWER, "versions.disable"],
    ["destroySecretVersion", Role.OPERATOR, "versions.destroy"],
  ] as const)("%s to role %i", async (rpc, role, permission) => {
    const { id } = await createSecret(coffer);
    const token = await coffer.tokenWithRole(role);
    await expectError(change(rpc, { ...byId(id), version: "1" }, token), denied(permission));
  });
});
