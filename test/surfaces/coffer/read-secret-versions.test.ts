// GetSecretVersion and ListSecretVersions, on the real servers.
import { beforeAll, describe, expect, it } from "vitest";
import { type Secret, type SecretVersion, SecretVersionState } from "../../../gen/coffer/v1/secret_pb.ts";
import { Role } from "../../../gen/coffer/v1/token_service_pb.ts";
import { otherWorkspace } from "../../support/broad-token.ts";
import { useCoffer } from "../../support/coffer.ts";
import { denied, expectError, invalid, secretNotFound } from "../../support/errors.ts";
import { addVersion, byId, byName, createSecret, present, softDelete, unknownSecretId } from "../../support/secrets.ts";

const coffer = useCoffer();
const { ENABLED, DISABLED, DESTROYED } = SecretVersionState;

let secret: Secret;
let versions: SecretVersion[];
/** Versions 1 to 7: 3 and 6 disabled, 5 and 7 destroyed. */
beforeAll(async () => {
  const { secrets } = coffer.clients();
  secret = await createSecret(coffer, { name: "the/secret" });
  for (let number = 2; number <= 7; number++) await addVersion(coffer, secret, `v${number}`);
  for (const version of ["3", "6"]) await secrets.disableSecretVersion({ ...byId(secret.id), version });
  for (const version of ["5", "7"]) await secrets.destroySecretVersion({ ...byId(secret.id), version });
  await secrets.updateSecret({ secret: { id: secret.id, versionAliases: { old: 1, gone: 5 } } });
  versions = (await secrets.listSecretVersions(byId(secret.id))).versions;
});

const get = async (version: string, token?: string) =>
  present((await coffer.clients(token).secrets.getSecretVersion({ ...byId(secret.id), version })).version);

describe("succeeds", () => {
  it("lists all versions, newest first", () => {
    expect(versions.map(({ versionNumber, state }) => [versionNumber, state])).toEqual([
      [7, DESTROYED],
      [6, DISABLED],
      [5, DESTROYED],
      [4, ENABLED],
      [3, DISABLED],
      [2, ENABLED],
      [1, ENABLED],
    ]);
    expect(versions.map(({ destroyTime }) => destroyTime !== undefined)).toEqual(
      versions.map(({ state }) => state === DESTROYED),
    );
  });

  it("finds a version by number, id, alias and `latest`, destroyed ones too", async () => {
    const byNumber = (number: number) => versions.find(({ versionNumber }) => versionNumber === number);
    for (const version of versions) {
      expect(await get(String(version.versionNumber))).toEqual(version);
      expect(await get(version.id)).toEqual(version);
    }
    expect(await get("old")).toEqual(byNumber(1));
    expect(await get("gone")).toEqual(byNumber(5));
    expect(await get("latest")).toEqual(byNumber(4));
    expect(await get("")).toEqual(byNumber(4));
    const { version } = await coffer.clients().secrets.getSecretVersion({ ...byName("/the/secret"), version: "1" });
    expect(version).toEqual(byNumber(1));
  });

  it.each([
    [[ENABLED], [4, 2, 1]],
    [[DISABLED], [6, 3]],
    [[DESTROYED], [7, 5]],
    [
      [DESTROYED, ENABLED],
      [7, 5, 4, 2, 1],
    ],
  ])("filters by the states %j", async (states, numbers) => {
    const found = await coffer.clients().secrets.listSecretVersions({ ...byName("the/secret"), states });
    expect(found.versions.map(({ versionNumber }) => versionNumber)).toEqual(numbers);
  });

  it.each([1, 2, 3, 7, 8])("misses and repeats nothing in pages of %i", async (pageSize) => {
    const numbers: number[] = [];
    let pageToken = "";
    do {
      const page = await coffer.clients().secrets.listSecretVersions({ ...byId(secret.id), pageSize, pageToken });
      expect(page.versions.length).toBeLessThanOrEqual(pageSize);
      expect(page.versions.length).toBeGreaterThan(0);
      numbers.push(...page.versions.map(({ versionNumber }) => versionNumber));
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    expect(numbers).toEqual([7, 6, 5, 4, 3, 2, 1]);
  });

  it("shows the versions of a soft-deleted secret by its id", async () => {
    const { id, name } = await softDelete(coffer, await createSecret(coffer));
    const { secrets } = coffer.clients();
    expect((await secrets.listSecretVersions(byId(id))).versions).toHaveLength(1);
    expect((await secrets.getSecretVersion({ ...byId(id), version: "1" })).version?.state).toBe(ENABLED);
    await expectError(secrets.listSecretVersions(byName(name)), secretNotFound);
  });
});

describe("rejects", () => {
  it.each(["0", "01", "-1", ".A", "latest!", "2147483648", "x".repeat(129)])("the version %j", async (version) => {
    await expectError(get(version), invalid("version"));
  });

  it("versions that the secret does not have", async () => {
    const other = await addVersion(coffer, await createSecret(coffer), "theirs");
    for (const version of ["8", "2147483647", "constructor", "nobody", other.id]) {
      await expectError(get(version), { code: "NotFound", reason: "VERSION_NOT_FOUND" });
    }
  });

  it.each([
    ["secret", {}],
    ["page_size", { ...byId("a"), pageSize: 1001 }],
    ["states", { ...byId("a"), states: [ENABLED, ENABLED] }],
    ["states[0]", { ...byId("a"), states: [SecretVersionState.UNSPECIFIED] }],
    ["states[1]", { ...byId("a"), states: [ENABLED, 9 as SecretVersionState] }],
    ["page_token", { ...byId("a"), pageToken: "x".repeat(4097) }],
  ])("%s that breaks its rule: case %#", async (field, request) => {
    await expectError(coffer.clients().secrets.listSecretVersions(request), invalid(field));
  });

  it("page tokens of other states, of another secret, and forged ones", async () => {
    const { secrets } = coffer.clients();
    const other = await createSecret(coffer);
    const { nextPageToken: pageToken } = await secrets.listSecretVersions({ ...byId(secret.id), pageSize: 1 });
    const [digest] = JSON.parse(Buffer.from(pageToken, "base64url").toString()) as [string];
    const forged = ["x", "1.5", "1e99", "NaN", "-99999999999"].map((number) => ({
      ...byId(secret.id),
      pageToken: Buffer.from(JSON.stringify([digest, number])).toString("base64url"),
    }));
    const requests = [
      { ...byId(other.id), pageToken },
      { ...byId(secret.id), states: [ENABLED], pageToken },
      ...forged,
    ];
    for (const request of requests) {
      await expectError(secrets.listSecretVersions(request), invalid("page_token"));
    }
  });

  it("secrets that are unknown or foreign, with one and the same answer", async () => {
    const { ownerToken } = await otherWorkspace(coffer);
    const { secrets } = coffer.clients(ownerToken);
    for (const id of [unknownSecretId, secret.id]) {
      await expectError(secrets.listSecretVersions(byId(id)), secretNotFound);
      await expectError(secrets.getSecretVersion({ ...byId(id), version: "1" }), secretNotFound);
    }
  });
});

describe("denies", () => {
  it("tokens without the permission", async () => {
    const token = await coffer.tokenWithRole(Role.OWNER, ["secrets.*", "versions.access"]);
    await expectError(get("1", token), denied("versions.read"));
    await expectError(coffer.clients(token).secrets.listSecretVersions(byId(secret.id)), denied("versions.read"));
  });
});
