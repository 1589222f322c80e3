// GetSecret, on the real servers.
import { describe, expect, it } from "vitest";
import { SecretState } from "../../../gen/coffer/v1/secret_pb.ts";
import { Role } from "../../../gen/coffer/v1/token_service_pb.ts";
import { otherWorkspace } from "../../support/broad-token.ts";
import { useCoffer } from "../../support/coffer.ts";
import { denied, errorOf, expectError, invalid, secretNotFound } from "../../support/errors.ts";
import { until } from "../../support/poll.ts";
import {
  byId,
  byName,
  createSecret,
  getSecret,
  newName,
  readText,
  softDelete,
  timeOf,
  unknownSecretId,
} from "../../support/secrets.ts";

const coffer = useCoffer({ env: { COFFER_REGIONS: "default,eu-1" } });
const get = (request: Parameters<ReturnType<typeof coffer.clients>["secrets"]["getSecret"]>[0], token?: string) =>
  coffer.clients(token).secrets.getSecret(request);

describe("succeeds", () => {
  it("finds a secret by its id, and by its name with and without a leading slash", async () => {
    const created = await createSecret(coffer, { name: "/get/me" });
    const found = await Promise.all([get(byId(created.id)), get(byName("get/me")), get(byName("/get/me"))]);
    for (const { secret } of found) expect(secret).toEqual(created);
  });

  it("looks a name up in one region, the default one unless told otherwise", async () => {
    const name = newName();
    const there = await createSecret(coffer, { name, region: "eu-1" });
    expect((await get({ ...byName(name), region: "eu-1" })).secret?.id).toBe(there.id);
    await expectError(get(byName(name)), secretNotFound);
  });

  it("shows a soft-deleted secret by id, and by name no longer", async () => {
    const { id, name } = await createSecret(coffer);
    await softDelete(coffer, { id });
    expect((await getSecret(coffer, { id })).state).toBe(SecretState.SOFT_DELETED);
    await expectError(get(byName(name)), secretNotFound);
  });

  it("tells when a value was last returned, and looking at it changes nothing else", async () => {
    const created = await createSecret(coffer);
    await readText(coffer, created);
    await until(
      "the access time is noted",
      async () => (await getSecret(coffer, created)).lastAccessedTime !== undefined,
    );
    const { lastAccessedTime, ...rest } = await getSecret(coffer, created);
    expect(timeOf(lastAccessedTime)).toBeGreaterThan(timeOf(created.createTime));
    expect(rest).toEqual(created);
  });
});

describe("rejects", () => {
  it.each([
    [{}, "secret"],
    [byId(""), "id"],
    [byId("x".repeat(65)), "id"],
    [byId("sec_\u0000"), "id"],
    [byName(""), "name"],
    [byName("x".repeat(513)), "name"],
    [{ ...byName("a"), region: "moon" }, "region"],
    [{ ...byName("a"), region: "x".repeat(64) }, "region"],
    [{ ...byId("a"), workspaceId: "x".repeat(65) }, "workspace_id"],
  ])("%j, and names the field", async (request, field) => {
    const seen = await errorOf(get(request));
    // A workspace that is not reached is refused before the rules of the request are looked at.
    if (field === "workspace_id") expect(seen.reason).toBe("WORKSPACE_NOT_REACHED");
    else expect(seen).toMatchObject(invalid(field));
  });

  it("an id that nothing has, one of another form and one of another workspace, with one and the same answer", async () => {
    const { ownerToken } = await otherWorkspace(coffer);
    const { id, name } = await createSecret(coffer, {}, ownerToken);
    for (const request of [byId(unknownSecretId), byId("nonsense"), byId(id), byName(name), byName("never/was")]) {
      await expectError(get(request), secretNotFound);
    }
    expect((await get(byId(id), ownerToken)).secret?.id).toBe(id);
  });
});

describe("denies", () => {
  it("before it says whether the secret exists", async () => {
    const { id } = await createSecret(coffer);
    const token = await coffer.tokenWithRole(Role.OWNER, ["secrets.list"]);
    for (const each of [id, unknownSecretId]) await expectError(get(byId(each), token), denied("secrets.read"));
  });
});
