// Kinds of credentials: what coffer.v1 lists of them, and that it takes exactly such values, on the real servers.
import { describe, expect, it } from "vitest";
import { AuditDecision } from "../../../gen/coffer/v1/audit_service_pb.ts";
import { kinds } from "../../../src/domain/credential/kinds.ts";
import { useCoffer } from "../../support/coffer.ts";
import { expectError, invalid } from "../../support/errors.ts";
import { addVersion, byId, bytes, createSecret, data, keyValues, newName, present } from "../../support/secrets.ts";
import {
  type StorageCredential,
  sasUrl,
  serviceAccountJson,
  storageCredentials,
} from "../../support/storage-credentials.ts";

const coffer = useCoffer();

const parts = (fields: Readonly<Record<string, string>>) =>
  keyValues(Object.fromEntries(Object.entries(fields).map(([name, text]) => [name, bytes(text)])));
const part = (name: string) => `key_values.values["${name}"]`;
const create = ({ kind, authMethod }: Pick<StorageCredential, "kind" | "authMethod">, fields: Record<string, string>) =>
  coffer.clients().secrets.createSecret({ name: newName(), kind, authMethod, value: parts(fields) });

const methods = storageCredentials.map((credential) => [credential.authMethod, credential] as const);

describe("ListCredentialKinds", () => {
  it("lists every kind with its methods and fields", async () => {
    const listed = (await coffer.clients().secrets.listCredentialKinds({})).kinds;
    expect(listed.map(({ name }) => name)).toEqual(kinds.map(({ name }) => name));
    const storage = listed.filter(({ name }) => name.startsWith("storage/"));
    expect(storage).toHaveLength(13);
    expect(new Set(storage.flatMap(({ authMethods }) => authMethods.map(({ name }) => name))).size).toBe(14);
    for (const { kind, authMethod, fields } of storageCredentials) {
      const found = storage.find(({ name }) => name === kind)?.authMethods.find(({ name }) => name === authMethod);
      expect(found?.fields.map(({ name }) => name)).toEqual(Object.keys(fields));
      expect(found?.fields.some(({ secret }) => secret)).toBe(true);
    }
    expect(storage.every((kind) => kind.madeOfFields && !kind.mayBeRevealable && kind.canBeValidated)).toBe(true);
    const aws = listed.find(({ name }) => name === "cloud_provider/aws");
    expect(aws).toMatchObject({ madeOfFields: false, mayBeRevealable: true, canBeValidated: true });
    expect(aws?.authMethods[0]?.fields).toMatchObject([
      { name: "aws_access_key_id", required: false, secret: false, shown: true },
      { name: "value", required: true, secret: true, shown: false },
    ]);
  });

  it("needs a credential and nothing else", async () => {
    const response = await coffer.fetch("/coffer.v1.SecretService/ListCredentialKinds", { token: null, json: {} });
    expect(response.status).toBe(401);
  });
});

describe.each(methods)("%s", (_, credential) => {
  const { kind, authMethod, fields } = credential;
  const names = Object.keys(fields);

  it("is stored, named, and never returned", async () => {
    const secret = present((await create(credential, { ...fields })).secret);
    expect(secret).toMatchObject({ kind, authMethod, revealable: false, validation: { state: 0 } });
    await expectError(coffer.clients().secrets.getSecretValue(byId(secret.id)), {
      code: "FailedPrecondition",
      reason: "NOT_REVEALABLE",
    });
    const query = { resourceId: secret.id, pageSize: 1 };
    const { auditEvents } = await coffer.clients().audit.listAuditEvents(query);
    expect(auditEvents).toMatchObject([
      {
        decision: AuditDecision.DENY,
        rule: "NOT_REVEALABLE",
        result: "NOT_REVEALABLE",
        method: "coffer.v1.SecretService/GetSecretValue",
      },
    ]);
  });

  it.each(names)("needs %s", async (name) => {
    const { [name]: _left, ...others } = fields;
    const rest = Object.keys(others).length === 0 ? { stranger: "x" } : others;
    const strangers = Object.keys(others).length === 0 ? [part("stranger")] : [];
    await expectError(create(credential, rest), invalid(part(name), ...strangers));
  });

  it.each(names)("takes no empty %s, and none that is too long", async (name) => {
    const listed = kinds.find((one) => one.name === kind)?.authMethods.find((one) => one.name === authMethod);
    const sizeBytesMax = listed?.fields.find((field) => field.name === name)?.sizeBytesMax ?? 0;
    await expectError(create(credential, { ...fields, [name]: "" }), invalid(part(name)));
    await expectError(create(credential, { ...fields, [name]: "x".repeat(sizeBytesMax + 1) }), invalid(part(name)));
  });

  it("takes no field of another method, and no stranger", async () => {
    const other = storageCredentials.find((one) => !Object.keys(one.fields).some((name) => names.includes(name)));
    const [name = "", text = ""] = Object.entries(other?.fields ?? {})[0] ?? [];
    await expectError(create(credential, { ...fields, [name]: text }), invalid(part(name)));
    await expectError(create(credential, { ...fields, note: "x" }), invalid(part("note")));
  });

  it("is no single value, and is not generated", async () => {
    const { secrets } = coffer.clients();
    const request = { name: newName(), kind, authMethod };
    await expectError(secrets.createSecret({ ...request, value: data("x") }), invalid("data"));
    const generate = { case: "generate", value: { byteLength: 32 } } as const;
    await expectError(secrets.createSecret({ ...request, value: generate }), invalid("generate.byte_length"));
  });
});

describe("rejects", () => {
  it.each([
    ["no method where there are two", { kind: "storage/azure_blob", authMethod: "" }],
    ["a method of another kind", { kind: "storage/s3", authMethod: "r2_access_key" }],
    ["a method of a kind that has none", { kind: "generic", authMethod: "s3_access_key" }],
  ])("%s", async (_, chosen) => {
    await expectError(create(chosen, { sas_url: sasUrl }), invalid("auth_method"));
  });

  it("a storage credential that shall be revealable", async () => {
    const { secrets } = coffer.clients();
    const request = { name: newName(), kind: "storage/b2", revealable: true };
    const value = parts(storageCredentials.at(-1)?.fields ?? {});
    await expectError(secrets.createSecret({ ...request, value }), invalid("revealable"));
  });

  const { private_key: _, ...withoutKey } = JSON.parse(serviceAccountJson);
  it.each([
    ["no JSON", "{"],
    ["an array", "[]"],
    ["null", "null"],
    ["no key", JSON.stringify(withoutKey)],
    ["a key that is no PEM", JSON.stringify({ ...withoutKey, private_key: "secret" })],
    ["an account of another type", serviceAccountJson.replace("service_account", "authorized_user")],
    ["no address", serviceAccountJson.replace("backup@", "")],
  ])("service account JSON with %s, without a word of it", async (_what, json) => {
    const refused = create({ kind: "storage/gcs", authMethod: "" }, { service_account_json: json });
    const { message } = await expectError(refused, invalid(part("service_account_json")));
    expect(message).not.toContain("PRIVATE KEY");
  });

  it.each([
    ["http", sasUrl.replace("https", "http")],
    ["no URL", "acme.blob.core.windows.net"],
    ["no signature", sasUrl.replace("&sig=c2lnbmF0dXJl", "")],
    ["an empty signature", sasUrl.replace("c2lnbmF0dXJl", "")],
    ["two signatures", `${sasUrl}&sig=eA`],
    ["no end", sasUrl.replace("&se=2025-01-01", "")],
    ["a user", sasUrl.replace("https://", "https://me:pw@")],
    ["a fragment", `${sasUrl}#x`],
    ["a space", `${sasUrl} `],
  ])("a SAS URL with %s, without a word of it", async (_what, url) => {
    const refused = create({ kind: "storage/azure_blob", authMethod: "azure_sas_url" }, { sas_url: url });
    const { message } = await expectError(refused, invalid(part("sas_url")));
    expect(message).not.toContain("c2lnbmF0dXJl");
  });

  it("a new version that its kind would not take, and adds one that it does", async () => {
    const [credential] = storageCredentials;
    const fields = credential?.fields ?? {};
    const secret = await createSecret(coffer, { kind: "storage/s3", value: parts(fields) });
    await expectError(addVersion(coffer, secret, "x"), invalid("data"));
    const { secrets } = coffer.clients();
    const bad = parts({ ...fields, access_key_id: "short" });
    await expectError(secrets.addSecretVersion({ ...byId(secret.id), value: bad }), invalid(part("access_key_id")));
    const added = await secrets.addSecretVersion({ ...byId(secret.id), value: parts(fields) });
    expect(added.version).toMatchObject({ versionNumber: 2 });
  });
});
