// UndeleteSecret, on the real servers.
import { describe, expect, it } from "vitest";
import { SecretState, SecretVersionState } from "../../../gen/coffer/v1/secret_pb.ts";
import { Role } from "../../../gen/coffer/v1/token_service_pb.ts";
import { otherWorkspace } from "../../support/broad-token.ts";
import { useCoffer } from "../../support/coffer.ts";
import { denied, errorOf, expectError, invalid, secretNotFound, staleEtag } from "../../support/errors.ts";
import {
  addVersion,
  byId,
  byName,
  createSecret,
  getSecret,
  newName,
  present,
  readText,
  softDelete,
  unknownSecretId,
} from "../../support/secrets.ts";

const coffer = useCoffer();

type Undelete = Parameters<ReturnType<typeof coffer.clients>["secrets"]["undeleteSecret"]>[0];
const undelete = async (request: Undelete, token?: string) =>
  present((await coffer.clients(token).secrets.undeleteSecret(request)).secret);

describe("succeeds", () => {
  it("restores everything: state, aliases, versions and their states, values", async () => {
    const { secrets } = coffer.clients();
    const { id, name } = await createSecret(coffer, { description: "d", labels: { a: "1" }, annotations: { b: "2" } });
    await addVersion(coffer, await getSecret(coffer, { id }), "v2");
    await addVersion(coffer, await getSecret(coffer, { id }), "v3");
    await secrets.disableSecretVersion({ ...byId(id), version: "3" });
    await secrets.destroySecretVersion({ ...byId(id), version: "1" });
    await secrets.updateSecret({ secret: { id, versionAliases: { stable: 2 } } });
    const before = await getSecret(coffer, { id });
    const versionsBefore = await secrets.listSecretVersions(byId(id));

    const deleted = await softDelete(coffer, { id });
    const after = await undelete({ id, etag: deleted.etag });
    expect(after).toEqual({ ...before, etag: after.etag, updateTime: after.updateTime });
    expect(after).toMatchObject({ state: SecretState.ACTIVE, currentVersion: 2, versionAliases: { stable: 2 } });
    expect(after.deleteTime).toBeUndefined();
    expect(after.purgeTime).toBeUndefined();
    expect(Number(after.etag)).toBe(Number(deleted.etag) + 1);
    expect(await secrets.listSecretVersions(byId(id))).toEqual(versionsBefore);
    expect(versionsBefore.versions.map(({ state }) => state)).toEqual([
      SecretVersionState.DISABLED,
      SecretVersionState.ENABLED,
      SecretVersionState.DESTROYED,
    ]);
    expect(await readText(coffer, { id }, "stable")).toBe("v2");
    expect((await secrets.getSecret(byName(name))).secret?.id).toBe(id);
  });

  it("gives another name, beside the secret that took its own meanwhile", async () => {
    const { id, name } = await softDelete(coffer, await createSecret(coffer));
    const blocking = await createSecret(coffer, { name });
    const newSecretName = newName("/again");
    expect(await undelete({ id, newName: newSecretName })).toMatchObject({
      id,
      name: newSecretName,
      path: newSecretName,
    });
    expect(await readText(coffer, { id })).toBe("v1");
    expect((await coffer.clients().secrets.getSecret(byName(name))).secret?.id).toBe(blocking.id);
  });

  it("works until the very purge_time", async () => {
    const { id } = await softDelete(coffer, await createSecret(coffer));
    await coffer.sql("update secret set purge_time = now() + interval '1 minute' where secret_id = $1", [id]);
    expect((await undelete({ id })).state).toBe(SecretState.ACTIVE);
  });
});

describe("rejects", () => {
  it.each<[string, Undelete]>([
    ["id", {}],
    ["id", { id: "x".repeat(65) }],
    ["etag", { id: "a", etag: "x".repeat(257) }],
    ["new_name", { id: "a", newName: "a//b" }],
    ["new_name", { id: "a", newName: "x".repeat(513) }],
    ["new_name", { id: "a", newName: "a\tb" }],
  ])("%s that breaks its rule: case %#", async (field, request) => {
    await expectError(undelete(request), invalid(field));
  });

  it("what is unknown, of another workspace, past its purge_time or destroyed by force, with one and the same answer", async () => {
    const { ownerToken } = await otherWorkspace(coffer);
    const foreign = await createSecret(coffer, {}, ownerToken);
    await coffer.clients(ownerToken).secrets.deleteSecret(byId(foreign.id));
    const purged = await softDelete(coffer, await createSecret(coffer));
    await coffer.sql("update secret set purge_time = now() where secret_id = $1", [purged.id]);
    const forced = await softDelete(coffer, await createSecret(coffer), true);
    for (const id of [unknownSecretId, foreign.id, purged.id, forced.id]) {
      await expectError(undelete({ id }), secretNotFound);
      await expectError(undelete({ id, newName: newName() }), secretNotFound);
    }
    expect((await undelete({ id: foreign.id }, ownerToken)).state).toBe(SecretState.ACTIVE);
  });
});

describe("denies", () => {
  it("a viewer, and an operator whose token leaves the permission out", async () => {
    const { id } = await softDelete(coffer, await createSecret(coffer));
    const viewer = await coffer.tokenWithRole(Role.VIEWER);
    const narrowed = await coffer.tokenWithRole(Role.OPERATOR, ["secrets.delete", "secrets.read"]);
    for (const token of [viewer, narrowed]) await expectError(undelete({ id }, token), denied("secrets.undelete"));
  });
});

describe("conflicts", () => {
  it("with a secret that is active, and says which", async () => {
    const { id } = await createSecret(coffer);
    await expectError(undelete({ id }), {
      code: "AlreadyExists",
      reason: "SECRET_ACTIVE",
      metadata: { id },
      resources: [`secret ${id}`],
    });
  });

  it("with the secret that took its name meanwhile, and says which", async () => {
    const deleted = await softDelete(coffer, await createSecret(coffer));
    const { id, path } = await createSecret(coffer, { name: deleted.name });
    const taken = { code: "AlreadyExists", reason: "NAME_TAKEN", metadata: { id, path }, resources: [`secret ${id}`] };
    await expectError(undelete({ id: deleted.id }), taken);
    await expectError(undelete({ id: deleted.id, newName: `/${deleted.name}` }), taken);
    expect(await getSecret(coffer, deleted)).toEqual(deleted);
  });

  it("with a stale etag before all else, and says the current one", async () => {
    const deleted = await softDelete(coffer, await createSecret(coffer));
    await createSecret(coffer, { name: deleted.name });
    await expectError(undelete({ id: deleted.id, etag: "1" }), staleEtag(deleted.etag));
    const active = await createSecret(coffer);
    expect((await errorOf(undelete({ id: active.id, etag: "9" }))).reason).toBe("ETAG_MISMATCH");
  });

  it("among 10 that undelete at once: one wins", async () => {
    const { id } = await softDelete(coffer, await createSecret(coffer));
    const results = await Promise.allSettled(Array.from({ length: 10 }, () => undelete({ id })));
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  });
});
