// AddSecretVersion, on the real servers.
import { describe, expect, it } from "vitest";
import { SecretVersionState } from "../../../gen/coffer/v1/secret_pb.ts";
import { Role } from "../../../gen/coffer/v1/token_service_pb.ts";
import { otherWorkspace } from "../../support/broad-token.ts";
import { useCoffer } from "../../support/coffer.ts";
import { denied, expectError, invalid, secretNotFound } from "../../support/errors.ts";
import { printed } from "../../support/printed.ts";
import {
  addVersion,
  byId,
  byName,
  createSecret,
  data,
  getSecret,
  keyValues,
  present,
  readText,
  softDelete,
  unknownSecretId,
} from "../../support/secrets.ts";

const coffer = useCoffer();

type Add = Parameters<ReturnType<typeof coffer.clients>["secrets"]["addSecretVersion"]>[0];
const add = async (request: Add, token?: string) =>
  present((await coffer.clients(token).secrets.addSecretVersion(request)).version);

describe("succeeds", () => {
  it("adds the next number, which becomes the current one, and answers without the value", async () => {
    const secret = await createSecret(coffer);
    const version = await add({ ...byName(`/${secret.name}`), value: data("hunter2"), comment: "rotated" });
    expect(version).toMatchObject({
      secretId: secret.id,
      versionNumber: 2,
      state: SecretVersionState.ENABLED,
      comment: "rotated",
      etag: "1",
      kmsKeyId: secret.kmsKeyId,
      kmsKeyVersion: 1,
    });
    expect(version.id).toMatch(/^secv_[0-9a-z]{26}$/);
    expect(version.destroyTime).toBeUndefined();
    expect(printed(version)).not.toContain("hunter2");
    const after = await getSecret(coffer, secret);
    expect(after).toMatchObject({ versionCount: 2, enabledVersionCount: 2, currentVersion: 2, etag: "2" });
    expect(await readText(coffer, secret)).toBe("hunter2");
    expect(await readText(coffer, secret, "1")).toBe("v1");
  });

  it("may change the form of the value from version to version", async () => {
    const secret = await createSecret(coffer);
    await add({ ...byId(secret.id), value: keyValues({ a: new Uint8Array([1]) }) });
    await add({ ...byId(secret.id), value: { case: "generate", value: { byteLength: 16 } } });
    const forms = [];
    for (const version of ["1", "2", "3"]) {
      const { value } = await coffer.clients().secrets.getSecretValue({ ...byId(secret.id), version });
      forms.push(value.case);
    }
    expect(forms).toEqual(["data", "keyValues", "data"]);
  });

  it("goes on counting behind disabled and destroyed versions: a number is never used again", async () => {
    const secret = await createSecret(coffer);
    await addVersion(coffer, secret, "v2");
    await coffer.clients().secrets.destroySecretVersion({ ...byId(secret.id), version: "2" });
    expect((await addVersion(coffer, secret, "v3")).versionNumber).toBe(3);
    expect(await getSecret(coffer, secret)).toMatchObject({
      versionCount: 3,
      enabledVersionCount: 2,
      currentVersion: 3,
    });
  });

  it("numbers 12 versions that are added at once without a gap", async () => {
    const secret = await createSecret(coffer);
    const retry = async (text: string): Promise<number> => {
      try {
        return (await addVersion(coffer, secret, text)).versionNumber;
      } catch {
        return retry(text);
      }
    };
    const numbers = await Promise.all(Array.from({ length: 12 }, (_, index) => retry(`text ${index}`)));
    expect(numbers.sort((a, b) => a - b)).toEqual(Array.from({ length: 12 }, (_, index) => index + 2));
    const texts = await Promise.all(numbers.map((number) => readText(coffer, secret, String(number))));
    expect(new Set(texts).size).toBe(12);
  });

  it("keeps an alias where it points", async () => {
    const secret = await createSecret(coffer);
    await coffer.clients().secrets.updateSecret({ secret: { id: secret.id, versionAliases: { stable: 1 } } });
    await addVersion(coffer, secret, "v2");
    expect(await readText(coffer, secret, "stable")).toBe("v1");
  });

  it("takes the expected current version, 0 when none is enabled", async () => {
    const { id } = await createSecret(coffer);
    expect((await add({ ...byId(id), value: data("v2"), expectedCurrentVersion: 1 })).versionNumber).toBe(2);
    const { secrets } = coffer.clients();
    await secrets.disableSecretVersion({ ...byId(id), version: "2" });
    expect((await add({ ...byId(id), value: data("v3"), expectedCurrentVersion: 1 })).versionNumber).toBe(3);
    for (const version of ["1", "3"]) await secrets.disableSecretVersion({ ...byId(id), version });
    expect((await add({ ...byId(id), value: data("v4"), expectedCurrentVersion: 0 })).versionNumber).toBe(4);
  });
});

describe("rejects", () => {
  it.each<[string, Add]>([
    ["secret", { value: data("v") }],
    ["value", byId("a")],
    ["data", { ...byId("a"), value: data("") }],
    ["data", { ...byId("a"), value: data("x".repeat(65_537)) }],
    ["key_values.values", { ...byId("a"), value: keyValues({}) }],
    ["generate.byte_length", { ...byId("a"), value: { case: "generate", value: { byteLength: 4097 } } }],
    ["comment", { ...byId("a"), value: data("v"), comment: "x".repeat(201) }],
    ["comment", { ...byId("a"), value: data("v"), comment: "\u0000" }],
    ["region", { ...byName("a"), value: data("v"), region: "moon" }],
  ])("%s that breaks its rule: case %#", async (field, request) => {
    await expectError(add(request), invalid(field));
  });

  it("a value too short for the secret's kind, and too many bytes in parts; nothing stays of it", async () => {
    const secret = await createSecret(coffer, { kind: "webhook_signing", value: data("x".repeat(16)) });
    const parts = keyValues({ a: new Uint8Array(65_000), b: new Uint8Array(537) });
    const seen = await expectError(add({ ...byId(secret.id), value: data("canary-short") }), invalid("data"));
    expect(printed(seen.error)).not.toContain("canary");
    await expectError(
      add({ ...byId(secret.id), value: keyValues({ a: new Uint8Array(1) }) }),
      invalid("key_values.values"),
    );
    expect(await getSecret(coffer, secret)).toEqual(secret);
    const { id } = await createSecret(coffer);
    await expectError(add({ ...byId(id), value: parts }), invalid("key_values.values"));
  });

  it("secrets that are unknown or foreign with one answer, and a soft-deleted one with its own", async () => {
    const { ownerToken } = await otherWorkspace(coffer);
    const foreign = await createSecret(coffer, {}, ownerToken);
    for (const id of [unknownSecretId, foreign.id]) {
      await expectError(add({ ...byId(id), value: data("v") }), secretNotFound);
    }
    const { id, name } = await softDelete(coffer, await createSecret(coffer));
    await expectError(add({ ...byName(name), value: data("v") }), secretNotFound);
    await expectError(add({ ...byId(id), value: data("v") }), {
      code: "FailedPrecondition",
      reason: "SECRET_SOFT_DELETED",
      metadata: { id },
    });
  });
});

describe("denies", () => {
  it("a viewer", async () => {
    const { id } = await createSecret(coffer);
    const viewer = await coffer.tokenWithRole(Role.VIEWER);
    await expectError(add({ ...byId(id), value: data("v") }, viewer), denied("versions.add"));
  });
});

describe("conflicts", () => {
  it.each([0, 1, 3, 4_294_967_295])("with the expectation of %i when 2 is the current version", async (expected) => {
    const secret = await createSecret(coffer);
    await addVersion(coffer, secret, "v2");
    await expectError(add({ ...byId(secret.id), value: data("v3"), expectedCurrentVersion: expected }), {
      code: "Aborted",
      reason: "CURRENT_VERSION_MISMATCH",
      metadata: { current_version: "2" },
    });
    expect(await getSecret(coffer, secret)).toMatchObject({ versionCount: 2, etag: "2" });
  });

  it("among 10 that expect the same current version: one wins", async () => {
    const { id } = await createSecret(coffer);
    const request = { ...byId(id), value: data("next"), expectedCurrentVersion: 1 };
    const results = await Promise.allSettled(Array.from({ length: 10 }, () => add(request)));
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect(await getSecret(coffer, { id })).toMatchObject({ versionCount: 2 });
  });
});
