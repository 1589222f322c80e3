// CreateSecret, on the real servers.
import { describe, expect, it } from "vitest";
import { CredentialState, SecretState } from "../../../gen/coffer/v1/secret_pb.ts";
import { Role } from "../../../gen/coffer/v1/token_service_pb.ts";
import { useCoffer } from "../../support/coffer.ts";
import { denied, errorOf, expectError, invalid } from "../../support/errors.ts";
import { printed } from "../../support/printed.ts";
import { byName, createSecret, data, getSecret, keyValues, newName, type SecretInit } from "../../support/secrets.ts";

const coffer = useCoffer({ env: { COFFER_REGIONS: "default,eu-1" } });

const create = (init: SecretInit) =>
  coffer.clients().secrets.createSecret({ name: newName(), value: data("v"), ...init });

describe("succeeds", () => {
  it("returns the secret with every field that was given, and no value", async () => {
    const { secret } = await create({
      name: "team/app/db",
      description: "the database",
      labels: { env: "prod" },
      annotations: { owner: "me" },
      mimeType: "text/plain",
      value: data("hunter2"),
    });
    expect(secret).toMatchObject({
      name: "team/app/db",
      path: "/team/app/db",
      region: "default",
      kind: "generic",
      description: "the database",
      labels: { env: "prod" },
      annotations: { owner: "me" },
      mimeType: "text/plain",
      state: SecretState.ACTIVE,
      versionAliases: {},
      versionCount: 1,
      enabledVersionCount: 1,
      currentVersion: 1,
      revealable: true,
      etag: "1",
    });
    expect(secret?.id).toMatch(/^sec_[0-9a-z]{26}$/);
    expect(secret?.kmsKeyId).toMatch(/^kms_[0-9a-z]{26}$/);
    expect(secret?.validation).toBeUndefined();
    for (const absent of ["deleteTime", "purgeTime", "expireTime", "lastAccessedTime"] as const) {
      expect(secret?.[absent]).toBeUndefined();
    }
    expect(printed(secret)).not.toContain("hunter2");
    expect(printed(secret)).not.toContain(btoa("hunter2"));
  });

  it("keeps the name verbatim, with its leading slash, and derives the path", async () => {
    const { name, path } = await createSecret(coffer, { name: "/with/slash" });
    expect({ name, path }).toEqual({ name: "/with/slash", path: "/with/slash" });
  });

  it.each([
    ["of 512 characters", "n".repeat(512)],
    ["of 512 characters outside the BMP", "😀".repeat(512)],
    ["with spaces, dots and quotes", `a b/..c/d'e"f/…`],
  ])("takes a name %s", async (_, name) => {
    const { id } = await createSecret(coffer, { name });
    expect((await coffer.clients().secrets.getSecret(byName(name))).secret).toMatchObject({ id, name });
  });

  it("takes everything at its largest", async () => {
    const labels = Object.fromEntries(
      Array.from({ length: 64 }, (_, index) => [String(index).padStart(63, "k"), "v".repeat(200)]),
    );
    const init = {
      description: "d".repeat(2000),
      labels,
      annotations: { k: "é".repeat(8191), x: "" },
      mimeType: "m".repeat(100),
      value: data("v".repeat(65_536)),
    };
    const { id } = await createSecret(coffer, init);
    expect(await getSecret(coffer, { id })).toMatchObject({ description: init.description, labels });
  });

  it("keeps labels and annotations whose keys are words of JavaScript", async () => {
    const entries = { ["__proto__"]: "a", constructor: "b", toString: "c" };
    const { id } = await createSecret(coffer, { labels: entries, annotations: entries });
    const { labels, annotations } = await getSecret(coffer, { id });
    const sorted = (map: Record<string, string>) => Object.entries(map).map(String).sort();
    for (const found of [labels, annotations]) expect(sorted(found)).toEqual(sorted(entries));
  });

  it("says that a credential was not tried yet, for credential kinds only", async () => {
    const { validation } = await createSecret(coffer, { kind: "cloud_provider/hcloud" });
    expect(validation).toMatchObject({ state: CredentialState.UNSPECIFIED, error: "" });
    expect((await createSecret(coffer, { kind: "webhook_signing", value: data("x".repeat(16)) })).validation).toBe(
      undefined,
    );
  });

  it("uses the same path once in each region, with that region's own key", async () => {
    const name = newName();
    const here = await createSecret(coffer, { name });
    const there = await createSecret(coffer, { name, region: "eu-1" });
    expect(there).toMatchObject({ path: here.path, region: "eu-1" });
    expect(there.kmsKeyId).not.toBe(here.kmsKeyId);
    const byKey = await createSecret(coffer, { region: "eu-1", kmsKeyId: there.kmsKeyId });
    expect(byKey.kmsKeyId).toBe(there.kmsKeyId);
  });

  it("gives a path that a soft-deleted secret had", async () => {
    const first = await createSecret(coffer);
    await coffer.clients().secrets.deleteSecret(byName(first.name));
    const second = await createSecret(coffer, { name: first.name });
    expect(second.id).not.toBe(first.id);
    expect((await coffer.clients().secrets.getSecret(byName(first.name))).secret?.id).toBe(second.id);
  });
});

describe("rejects", () => {
  it.each([
    "",
    "/",
    "//a",
    "a//b",
    "a/./b",
    "../a",
    "a/..",
    "a/",
    "a\u0000b",
    "a\tb",
    "a\u0085",
    "e\u0301",
    "x".repeat(513),
  ])("the name %j, and names the field", async (name) => {
    const seen = await errorOf(create({ name }));
    expect(seen).toMatchObject({ code: "InvalidArgument", reason: "FIELD_INVALID" });
    expect(new Set(seen.fields)).toEqual(new Set(["name"]));
  });

  const long = (length: number) => "x".repeat(length);
  it.each<[string, SecretInit]>([
    ["region", { region: "moon" }],
    ["region", { region: long(64) }],
    ["kind", { kind: "unheard_of" }],
    ["kind", { kind: "constructor" }],
    ["kind", { kind: long(64) }],
    ["description", { description: long(2001) }],
    ["description", { description: "a\u0000b" }],
    ["labels", { labels: Object.fromEntries(Array.from({ length: 65 }, (_, index) => [`k${index}`, "v"])) }],
    ['labels[""]', { labels: { "": "v" } }],
    [`labels["${long(64)}"]`, { labels: { [long(64)]: "v" } }],
    ['labels["k"]', { labels: { k: long(201) } }],
    ["annotations", { annotations: { k: long(16_384) } }],
    ["annotations", { annotations: { "": "v" } }],
    ["mime_type", { mimeType: long(101) }],
    ["kms_key_id", { kmsKeyId: long(65) }],
    ["value", { value: { case: undefined } }],
    ["data", { value: data("") }],
    ["data", { value: data(long(65_537)) }],
    ["data", { kind: "webhook_signing", value: data(long(15)) }],
    ["key_values.values", { value: keyValues({}) }],
    ["key_values.values", { value: keyValues(manyParts(257)) }],
    ['key_values.values["a b"]', { value: keyValues({ "a b": new Uint8Array(1) }) }],
    [`key_values.values["${long(129)}"]`, { value: keyValues({ [long(129)]: new Uint8Array(1) }) }],
    ['key_values.values["k"]', { value: keyValues({ k: new Uint8Array() }) }],
    ["key_values.values", { value: keyValues({ a: new Uint8Array(40_000), b: new Uint8Array(25_537) }) }],
    ["generate.byte_length", { value: { case: "generate", value: { byteLength: 15 } } }],
    ["generate.byte_length", { value: { case: "generate", value: { byteLength: 4097 } } }],
  ])("%s that breaks its rule: case %#", async (field, init) => {
    await expectError(create(init), invalid(field));
  });

  it("all broken rules at once, without repeating what was sent", async () => {
    const canary = "canary-7f3a";
    const seen = await expectError(
      create({
        name: "",
        description: canary.repeat(200),
        mimeType: canary.repeat(10),
        labels: { k: canary.repeat(20) },
        value: data(canary.repeat(6_000)),
      }),
      { code: "InvalidArgument", reason: "FIELD_INVALID" },
    );
    expect(seen.fields.sort()).toEqual(["data", "description", 'labels["k"]', "mime_type", "name"]);
    expect(printed(seen.error)).not.toContain("canary");
  });

  it("all that only coffer's own rules find at once, too", async () => {
    const request = { name: "a//b", kind: "nope", region: "moon", annotations: { a: "x".repeat(16_384) } };
    const seen = await expectError(create(request), { code: "InvalidArgument", reason: "FIELD_INVALID" });
    expect(seen.fields.sort()).toEqual(["annotations", "kind", "name", "region"]);
  });

  it("a key that does not exist, and a key of another region", async () => {
    await expectError(create({ kmsKeyId: "kms_unknown" }), { code: "NotFound", reason: "KEY_NOT_FOUND" });
    const { kmsKeyId } = await createSecret(coffer, { region: "eu-1" });
    await expectError(create({ kmsKeyId }), invalid("kms_key_id"));
  });
});

describe("denies", () => {
  it("a viewer, naming the permission that is missing", async () => {
    const viewer = await coffer.tokenWithRole(Role.VIEWER);
    await expectError(createSecret(coffer, {}, viewer), denied("secrets.create"));
  });
});

describe("conflicts", () => {
  it("with the active secret at the same path, and says its id", async () => {
    const { id, name, path } = await createSecret(coffer);
    for (const taken of [name, `/${name}`]) {
      await expectError(create({ name: taken }), {
        code: "AlreadyExists",
        reason: "NAME_TAKEN",
        metadata: { id, path },
        resources: [`secret ${id}`],
      });
    }
  });

  it("without the blocking id for who may not list secrets", async () => {
    const { name, path } = await createSecret(coffer);
    const blind = await coffer.tokenWithRole(Role.OPERATOR, ["secrets.create"]);
    const seen = await errorOf(createSecret(coffer, { name }, blind));
    expect(seen).toMatchObject({ reason: "NAME_TAKEN", metadata: { path }, resources: [] });
    expect(seen.metadata).not.toHaveProperty("id");
  });

  it("among 20 that create one path at once: one wins, and nothing else stays", async () => {
    const name = newName("race");
    const results = await Promise.allSettled(Array.from({ length: 20 }, () => create({ name })));
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    const [{ secrets, versions } = {}] = await coffer.sql(
      `select count(distinct s.secret_id)::int as secrets, count(v.*)::int as versions
        from secret s left join secret_version v using (workspace_id, secret_id) where s.path = $1`,
      [`/${name}`],
    );
    expect({ secrets, versions }).toEqual({ secrets: 1, versions: 1 });
  });
});

function manyParts(count: number) {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, new Uint8Array(1)]));
}
