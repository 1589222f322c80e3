// DeleteSecret, on the real servers.
import { describe, expect, it } from "vitest";
import { SecretState, SecretVersionState } from "../../../gen/coffer/v1/secret_pb.ts";
import { Role } from "../../../gen/coffer/v1/token_service_pb.ts";
import { otherWorkspace } from "../../support/broad-token.ts";
import { useCoffer } from "../../support/coffer.ts";
import { denied, expectError, invalid, secretNotFound, staleEtag } from "../../support/errors.ts";
import {
  addVersion,
  byId,
  byName,
  createSecret,
  getSecret,
  present,
  softDelete,
  timeOf,
  unknownSecretId,
} from "../../support/secrets.ts";

const coffer = useCoffer({ env: { COFFER_REGIONS: "default,eu-1" } });
const dayMs = 86_400_000;

type Delete = Parameters<ReturnType<typeof coffer.clients>["secrets"]["deleteSecret"]>[0];
const remove = async (request: Delete, token?: string) =>
  present((await coffer.clients(token).secrets.deleteSecret(request)).secret);

describe("succeeds", () => {
  it("soft-deletes: times by the database's clock, versions and aliases untouched", async () => {
    const before = await createSecret(coffer, { labels: { a: "1" } });
    await addVersion(coffer, before, "v2");
    const deleted = await remove(byId(before.id));
    expect(deleted).toMatchObject({
      state: SecretState.SOFT_DELETED,
      etag: "3",
      versionCount: 2,
      enabledVersionCount: 2,
      currentVersion: 2,
      labels: { a: "1" },
    });
    expect(timeOf(deleted.purgeTime) - timeOf(deleted.deleteTime)).toBe(30 * dayMs);
    expect(deleted.updateTime).toEqual(deleted.deleteTime);
    expect(await getSecret(coffer, before)).toEqual(deleted);
    const { versions } = await coffer.clients().secrets.listSecretVersions(byId(before.id));
    expect(versions.map(({ state }) => state)).toEqual([SecretVersionState.ENABLED, SecretVersionState.ENABLED]);
  });

  it("finds it by name, with or without a leading slash, in its region", async () => {
    const here = await createSecret(coffer, { name: "twin" });
    const there = await createSecret(coffer, { name: "twin", region: "eu-1" });
    expect((await remove({ ...byName("/twin"), region: "eu-1" })).id).toBe(there.id);
    expect((await remove(byName("twin"))).id).toBe(here.id);
  });

  it("takes the workspace's own retention, and none of 0 days", async () => {
    const { workspaceId, ownerToken } = await otherWorkspace(coffer);
    for (const [days, canUndelete] of [
      [7, true],
      [0, false],
    ] as const) {
      const seconds = BigInt((days * dayMs) / 1000);
      await coffer.clients(ownerToken).workspaces.updateWorkspace({ workspace: { purgeRetention: { seconds } } });
      const { id } = await createSecret(coffer, {}, ownerToken);
      const { purgeTime, deleteTime } = await remove(byId(id), ownerToken);
      expect(timeOf(purgeTime) - timeOf(deleteTime)).toBe(days * dayMs);
      const undelete = coffer.clients(ownerToken).secrets.undeleteSecret({ id, workspaceId });
      if (canUndelete) expect((await undelete).secret?.state).toBe(SecretState.ACTIVE);
      else await expectError(undelete, secretNotFound);
    }
  });

  it("by force destroys every version at once, in the database too, and is for good", async () => {
    const secret = await createSecret(coffer);
    await addVersion(coffer, secret, "v2");
    const deleted = await remove({ ...byId(secret.id), force: true });
    expect(deleted).toMatchObject({
      state: SecretState.SOFT_DELETED,
      versionCount: 2,
      enabledVersionCount: 0,
      currentVersion: 0,
    });
    expect(deleted.purgeTime).toEqual(deleted.deleteTime);
    const { versions } = await coffer.clients().secrets.listSecretVersions(byId(secret.id));
    for (const { state, destroyTime } of versions) {
      expect(state).toBe(SecretVersionState.DESTROYED);
      expect(timeOf(destroyTime)).toBeLessThanOrEqual(timeOf(deleted.deleteTime));
    }
    const rows = await coffer.sql("select envelope from secret_version where secret_id = $1", [secret.id]);
    expect(rows).toEqual([{ envelope: null }, { envelope: null }]);
    await expectError(coffer.clients().secrets.undeleteSecret({ id: secret.id }), secretNotFound);
  });

  it("by force also what is soft-deleted already, which keeps its delete_time", async () => {
    const soft = await softDelete(coffer, await createSecret(coffer));
    const forced = await softDelete(coffer, soft, true);
    expect(forced.deleteTime).toEqual(soft.deleteTime);
    expect(timeOf(forced.purgeTime)).toBeLessThan(timeOf(soft.purgeTime));
    expect(forced.enabledVersionCount).toBe(0);
  });

  it.each(["1", '"1"'])("takes the etag %s", async (etag) => {
    const { id } = await createSecret(coffer);
    expect((await remove({ ...byId(id), etag })).state).toBe(SecretState.SOFT_DELETED);
  });
});

describe("rejects", () => {
  it.each<[string, Delete]>([
    ["secret", {}],
    ["id", byId("")],
    ["id", byId("x".repeat(65))],
    ["name", byName("")],
    ["region", { ...byName("a"), region: "moon" }],
    ["etag", { ...byId("a"), etag: "x".repeat(257) }],
  ])("%s that breaks its rule: case %#", async (field, request) => {
    await expectError(remove(request), invalid(field));
  });

  it("what is unknown, of another workspace, or soft-deleted already, with one and the same answer", async () => {
    const { ownerToken } = await otherWorkspace(coffer);
    const foreign = await createSecret(coffer, {}, ownerToken);
    const gone = await softDelete(coffer, await createSecret(coffer));
    for (const request of [
      byId(unknownSecretId),
      byId(foreign.id),
      byName(foreign.name),
      byId(gone.id),
      byName(gone.name),
    ]) {
      await expectError(remove(request), secretNotFound);
    }
    await expectError(remove({ ...byId(foreign.id), force: true }), secretNotFound);
    expect((await coffer.clients(ownerToken).secrets.getSecret(byId(foreign.id))).secret).toEqual(foreign);
  });
});

describe("denies", () => {
  it("a viewer, and by force who may not destroy versions, or not purge", async () => {
    const secret = await createSecret(coffer);
    const viewer = await coffer.tokenWithRole(Role.VIEWER);
    const operator = await coffer.tokenWithRole(Role.OPERATOR);
    await expectError(remove(byId(secret.id), viewer), denied("secrets.delete"));
    await expectError(remove({ ...byId(secret.id), force: true }, operator), denied("versions.destroy"));
    const narrowed = await coffer.tokenWithRole(Role.OWNER, ["secrets.delete", "versions.destroy"]);
    await expectError(remove({ ...byId(secret.id), force: true }, narrowed), denied("secrets.purge"));
    expect(await getSecret(coffer, secret)).toEqual(secret);
    expect((await remove(byId(secret.id), operator)).state).toBe(SecretState.SOFT_DELETED);
  });
});

describe("conflicts", () => {
  it("with a stale etag, and says the current one; by force too", async () => {
    const secret = await createSecret(coffer);
    for (const force of [false, true]) {
      await expectError(remove({ ...byId(secret.id), etag: "7", force }), staleEtag("1"));
    }
    expect(await getSecret(coffer, secret)).toEqual(secret);
  });
});
