// UpdateSecret, on the real servers.
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "vitest";
import { Role } from "../../../gen/coffer/v1/token_service_pb.ts";
import { otherWorkspace } from "../../support/broad-token.ts";
import { useCoffer } from "../../support/coffer.ts";
import { denied, errorOf, expectError, invalid, secretNotFound, staleEtag } from "../../support/errors.ts";
import {
  addVersion,
  byName,
  createSecret,
  getSecret,
  newName,
  present,
  softDelete,
  timeOf,
  unknownSecretId,
} from "../../support/secrets.ts";

const coffer = useCoffer();

type Update = Parameters<ReturnType<typeof coffer.clients>["secrets"]["updateSecret"]>[0];
type Fields = NonNullable<Update["secret"]>;

const update = async (secret: Fields, paths?: string[], token?: string) =>
  present(
    (await coffer.clients(token).secrets.updateSecret({ secret, ...(paths ? { updateMask: { paths } } : {}) })).secret,
  );

const full = {
  description: "d",
  labels: { a: "1" },
  annotations: { b: "2" },
  mimeType: "text/plain",
  expiration: { case: "expireTime", value: timestampFromDate(new Date("2100-01-01")) },
} as const;

describe("succeeds", () => {
  it("changes the fields that the mask names, and only those", async () => {
    const before = await createSecret(coffer, full);
    const changed = { id: before.id, description: "new", labels: { c: "3" }, mimeType: "ignored" };
    const after = await update(changed, ["description", "labels"]);
    expect(after).toMatchObject({ description: "new", labels: { c: "3" }, mimeType: "text/plain", etag: "2" });
    const { updateTime } = after;
    expect(after).toEqual({ ...before, description: "new", labels: { c: "3" }, etag: "2", updateTime });
    expect(timeOf(updateTime)).toBeGreaterThan(timeOf(before.updateTime));
    expect(await getSecret(coffer, before)).toEqual(after);
  });

  it.each([undefined, []])("changes every field that is set when the mask is %j", async (paths) => {
    const { id, name, expireTime } = await createSecret(coffer, full);
    const after = await update({ id, description: "new", annotations: { z: "9" } }, paths);
    expect(after).toMatchObject({ name, description: "new", annotations: { z: "9" }, labels: { a: "1" }, expireTime });
  });

  it("empties what the mask names and the request leaves out", async () => {
    const { id } = await createSecret(coffer, full);
    const paths = ["description", "labels", "annotations", "mime_type", "version_aliases", "expire_time"];
    const after = await update({ id }, paths);
    expect(after).toMatchObject({ description: "", labels: {}, annotations: {}, mimeType: "", versionAliases: {} });
    expect(after.expireTime).toBeUndefined();
  });

  it("renames: the new path finds it, the old one is free", async () => {
    const { id, name } = await createSecret(coffer);
    const renamed = await update({ id, name: "/moved/here" });
    expect(renamed).toMatchObject({ name: "/moved/here", path: "/moved/here" });
    await expectError(coffer.clients().secrets.getSecret(byName(name)), secretNotFound);
    expect((await coffer.clients().secrets.getSecret(byName("moved/here"))).secret?.id).toBe(id);
    expect((await createSecret(coffer, { name })).id).not.toBe(id);
    // Another spelling of its own path is not a conflict.
    expect(await update({ id, name: "moved/here" })).toMatchObject({ name: "moved/here", path: "/moved/here" });
  });

  it("sets aliases for any version there ever was", async () => {
    const secret = await createSecret(coffer);
    await addVersion(coffer, secret, "v2");
    const versionAliases = { current: 2, "a-b_c": 1, ["a".repeat(63)]: 1, constructor: 2 };
    expect((await update({ id: secret.id, versionAliases })).versionAliases).toEqual(versionAliases);
  });

  it("takes the etag bare or quoted, and none at all", async () => {
    const { id } = await createSecret(coffer);
    expect((await update({ id, description: "1", etag: "1" })).etag).toBe("2");
    expect((await update({ id, description: "2", etag: '"2"' })).etag).toBe("3");
    expect((await update({ id, description: "3" })).etag).toBe("4");
  });

  it("lets one of 20 updates with one etag win", async () => {
    const { id, etag } = await createSecret(coffer);
    const updates = Array.from({ length: 20 }, (_, index) => update({ id, etag, description: `d${index}` }));
    const results = await Promise.allSettled(updates);
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect((await getSecret(coffer, { id })).etag).toBe("2");
  });
});

describe("rejects", () => {
  it.each([
    "id",
    "workspace_id",
    "region",
    "path",
    "kind",
    "state",
    "version_count",
    "current_version",
    "kms_key_id",
    "revealable",
    "etag",
    "create_time",
    "versionAliases",
    "labels.a",
    "constructor",
    "*",
    "",
  ])("the mask path %j, which is no field that can be changed", async (path) => {
    const secret = await createSecret(coffer, { description: "before" });
    const seen = await expectError(update({ id: secret.id, description: "after" }, ["description", path]), {
      ...invalid("update_mask"),
    });
    expect(seen.message).toContain(JSON.stringify(path));
    expect(await getSecret(coffer, secret)).toEqual(secret);
  });

  it.each<[string, Omit<Fields, "$typeName">, string[]?]>([
    ["secret.name", { name: "a//b" }],
    ["secret.name", { name: "" }, ["name"]],
    ["secret.name", { name: "x".repeat(513) }],
    ["secret.description", { description: "x".repeat(2001) }],
    ['secret.labels["k"]', { labels: { k: "x".repeat(201) } }],
    ["secret.annotations", { annotations: { k: "x".repeat(16_384) } }],
    ["secret.mime_type", { mimeType: "x".repeat(101) }],
    ["secret.etag", { etag: "x".repeat(257) }],
    ['secret.version_aliases["latest"]', { versionAliases: { latest: 1 } }],
    ['secret.version_aliases["7"]', { versionAliases: { 7: 1 } }],
    ['secret.version_aliases[".big"]', { versionAliases: { ".big": 1 } }],
    [`secret.version_aliases["${"a".repeat(129)}"]`, { versionAliases: { ["a".repeat(129)]: 1 } }],
    ['secret.version_aliases["zero"]', { versionAliases: { zero: 0 } }],
    ['secret.version_aliases["two"]', { versionAliases: { two: 2 } }],
    ["secret.expire_time", { expireTime: timestampFromDate(new Date(Date.now() - 1000)) }],
    ["secret.expire_time", { expireTime: { seconds: 2n ** 60n } as never }],
    ["secret.expire_time", { expireTime: { seconds: -(2n ** 60n) } as never }],
  ])("%s that breaks its rule: case %#", async (field, change, paths) => {
    const secret = await createSecret(coffer);
    await expectError(update({ id: secret.id, ...change } as Fields, paths), invalid(field));
    expect(await getSecret(coffer, secret)).toEqual(secret);
  });

  it("a request without a secret, and a secret without an id", async () => {
    await expectError(coffer.clients().secrets.updateSecret({}), invalid("secret"));
    await expectError(update({ description: "d" }), invalid("secret"));
  });

  it("a secret that is unknown, of another workspace, or soft-deleted", async () => {
    const { ownerToken } = await otherWorkspace(coffer);
    const foreign = await createSecret(coffer, {}, ownerToken);
    for (const id of [unknownSecretId, foreign.id]) {
      await expectError(update({ id, description: "d" }), secretNotFound);
      await expectError(update({ id, name: newName() }), secretNotFound);
    }
    const { id } = await softDelete(coffer, await createSecret(coffer));
    await expectError(update({ id, description: "d" }), { reason: "SECRET_SOFT_DELETED", metadata: { id } });
  });
});

describe("denies", () => {
  it("a viewer", async () => {
    const { id } = await createSecret(coffer);
    const viewer = await coffer.tokenWithRole(Role.VIEWER);
    await expectError(update({ id, description: "d" }, undefined, viewer), denied("secrets.update"));
  });
});

describe("conflicts", () => {
  it.each(["2", '"2"', "0", "nonsense", '"1', 'W/"2"'])("with the etag %s, and says the current one", async (etag) => {
    const secret = await createSecret(coffer);
    await expectError(update({ id: secret.id, etag, description: "d" }), staleEtag("1"));
    expect(await getSecret(coffer, secret)).toEqual(secret);
  });

  it("with the active secret that has the new name, and says its id", async () => {
    const { id, name, path } = await createSecret(coffer);
    const other = await createSecret(coffer);
    await expectError(update({ id: other.id, name: `/${name}`, description: "d" }), {
      code: "AlreadyExists",
      reason: "NAME_TAKEN",
      metadata: { id, path },
    });
    expect(await getSecret(coffer, other)).toEqual(other);
    const seen = await errorOf(update({ id: other.id, name, etag: "9" }));
    expect(seen.reason).toBe("ETAG_MISMATCH");
  });
});
