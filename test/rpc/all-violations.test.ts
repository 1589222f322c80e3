// Every broken rule of a request in one answer: its JSON shape, its schema and coffer's own rules, each field as the caller spelled it.
import { beforeAll, describe, expect, it } from "vitest";
import { useCoffer } from "../support/coffer.ts";
import { createSecret, newName } from "../support/secrets.ts";
import { thalassa } from "../support/thalassa.ts";

const coffer = useCoffer();

interface ConnectFailure {
  message: string;
  details: { type: string; debug?: { fieldViolations?: { field: string; description: string }[] } }[];
}

async function violationsOf(path: string, json: unknown): Promise<[field: string, description: string][]> {
  const response = await coffer.fetch(path, { json });
  expect(response.status).toBe(400);
  const { details } = (await response.json()) as ConnectFailure;
  const violations = details.flatMap(({ debug }) => debug?.fieldViolations ?? []);
  return violations.map(({ field, description }) => [field, description]);
}

const create = "/coffer.v1.SecretService/CreateSecret";
const fieldsOf = async (json: unknown, path = create) =>
  (await violationsOf(path, json)).map(([field]) => field).sort();

describe("Connect JSON names all at once", () => {
  it("a wrong type, a broken rule of the schema, one of coffer's own, and an unknown field", async () => {
    const json = {
      name: "a//b",
      mimeType: "m".repeat(101),
      labels: { "": "x" },
      nope: 1,
      revealable: "yes",
      data: "djE=",
    };
    expect(await fieldsOf(json)).toEqual(['labels[""]', "mimeType", "name", "nope", "revealable"]);
    expect(await fieldsOf({ ...json, mimeType: undefined, mime_type: "m".repeat(101) })).toContain("mime_type");
  });

  it("coffer's own rules, whatever is wrong with the shape", async () => {
    const own = {
      name: "a/../b",
      kind: "moon",
      region: "nowhere",
      annotations: { "": "x" },
      keyValues: { values: { "a b": "djE=" } },
      accessPolicy: { allowed: [{ ip: { ranges: ["999.1.1.1"] } }] },
    };
    const fields = await fieldsOf({ ...own, description: 7 });
    for (const field of ["annotations", "description", 'keyValues.values["a b"]', "name"])
      expect(fields).toContain(field);
  });

  it("a field only once, by the rule that is nearest to what was sent", async () => {
    expect(await violationsOf(create, { name: 7, data: "djE=" })).toEqual([["name", "must be a string"]]);
    expect(await violationsOf(create, { name: newName(), data: "%" })).toEqual([
      ["data", expect.stringContaining("base64")],
    ]);
    expect(await violationsOf(create, { name: newName(), keyValues: { values: { a: 1 } } })).toHaveLength(1);
  });

  it("what is missing, once, and what is empty", async () => {
    expect(await violationsOf(create, {})).toEqual([
      ["name", "is required"],
      ["value", "exactly one of data, key_values, generate, reference is required"],
    ]);
    expect(await violationsOf(create, { name: "", data: "djE=" })).toEqual([["name", "must not be empty"]]);
    const update = "/coffer.v1.SecretService/UpdateSecret";
    expect(await violationsOf(update, {})).toEqual([["secret", "is required"]]);
    expect(await violationsOf(update, { secret: {} })).toEqual([["secret", "id is required"]]);
    expect(await violationsOf(update, { secret: null })).toEqual([["secret", "is required"]]);
  });

  it("the fields of nested messages and of changes", async () => {
    const { id } = await createSecret(coffer);
    const secret = { id, mimeType: 7, name: "a//b", versionAliases: { ".x": 1 } };
    expect(await fieldsOf({ secret }, "/coffer.v1.SecretService/UpdateSecret")).toEqual([
      "secret.mimeType",
      "secret.name",
      'secret.versionAliases[".x"]',
    ]);
  });

  it("an error of an operation too is spelled as the request is", async () => {
    const list = "/coffer.v1.SecretService/ListSecrets";
    expect(await fieldsOf({ pageToken: "x" }, list)).toEqual(["pageToken"]);
    expect(await fieldsOf({ page_token: "x" }, list)).toEqual(["page_token"]);
  });
});

describe("nothing of a refused request is done", () => {
  it("with one wrong field among right ones", async () => {
    const name = newName();
    expect(await fieldsOf({ name, data: "djE=", extra: 1 })).toEqual(["extra"]);
    expect(await coffer.sql("select 1 from secret where name = $1", [name])).toEqual([]);
    const { id } = await createSecret(coffer);
    const before = await coffer.sql("select count(*)::int as count from audit_event");
    expect(await fieldsOf({ id, version: 7 }, "/coffer.v1.SecretService/GetSecretValue")).toEqual(["version"]);
    expect(await fieldsOf({ id, force: "yes" }, "/coffer.v1.SecretService/DeleteSecret")).toEqual(["force"]);
    expect(await coffer.sql("select count(*)::int as count from audit_event")).toEqual(before);
    expect(await coffer.sql("select state from secret where secret_id = $1", [id])).toEqual([{ state: "ACTIVE" }]);
  });
});

describe("REST names all at once", () => {
  let organisation: Record<string, string>;
  beforeAll(async () => {
    const { workspaceId } = await coffer.clients().tokens.whoAmI({});
    organisation = { "x-organisation-identity": workspaceId };
  });

  it("body, query and rules of Akua", async () => {
    const json = { name: "a//b", value: "", description: 7, extra: 1, username: "u" };
    const response = await coffer.fetch("/v1/secrets", { json });
    const { errors } = (await response.json()) as { errors: { path: string[] }[] };
    expect(errors.map(({ path }) => path.join(".")).sort()).toEqual([
      "description",
      "extra",
      "name",
      "username",
      "value",
    ]);
  });

  it("a missing field of Akua as one error", async () => {
    const response = await coffer.fetch("/v1/secrets", { json: { kind: "generic" } });
    const { errors } = (await response.json()) as { errors: { message: string }[] };
    expect(errors.map(({ message }) => message)).toEqual(["name: is required", "value: is required"]);
  });

  it("shape, schema and rules of Thalassa Cloud, in lowerCamelCase", async () => {
    const json = {
      path: "no-slash",
      annotations: { "": "x" },
      kmsKeyIdentity: 7,
      accessPolicy: { conditions: [{ type: "moon" }] },
      labels: { l: "v".repeat(201) },
      extra: 1,
    };
    const { message } = (await (
      await coffer.fetch("/v1/secrets/default/secrets", { json, headers: organisation })
    ).json()) as {
      message: string;
    };
    const named = [
      "path",
      "annotations",
      "kmsKeyIdentity",
      "accessPolicy.conditions[0].type",
      'labels["l"]',
      "extra",
      "secretString",
    ];
    for (const field of named) expect(message).toContain(`${field}: `);
  });

  it("each rule of Thalassa Cloud by a field that its API has, and once", async () => {
    const fieldsAt = async (path: string, json: unknown) => {
      const { message } = (await (await coffer.fetch(path, { json, headers: organisation })).json()) as {
        message: string;
      };
      return message.split("; ").map((each) => each.slice(0, each.indexOf(": ")));
    };
    const secrets = "/v1/secrets/default/secrets";
    const ofSecret = ["path", "kmsKeyIdentity", "secretString"];
    expect(await fieldsAt(secrets, {})).toEqual(ofSecret);
    expect(await fieldsAt(secrets, { path: "" })).toEqual(ofSecret);
    expect(await fieldsAt("/v1/kms/default/keys", { name: "/", keyType: "moon" })).toEqual(["name", "keyType"]);
  });

  it("the methods of a type of DataRaven, without a word that its API does not have", async () => {
    const { workspaceId } = await coffer.clients().tokens.whoAmI({});
    const json = { name: newName(), secret_type: "s3", auth_method: "moon", credentials: { a: "b" } };
    const response = await coffer.fetch(`/v1/teams/${workspaceId}/secrets`, { json });
    const { detail } = (await response.json()) as { detail: { msg: string }[] };
    expect(detail.map(({ msg }) => msg)).toEqual(["must be one of s3_access_key"]);
  });

  it("shape, schema and rules of DataRaven, as locations", async () => {
    const json = { name: "a//b", secret_type: "s3", auth_method: "gcs_service_account", description: 7, extra: 1 };
    const { workspaceId } = await coffer.clients().tokens.whoAmI({});
    const response = await coffer.fetch(`/v1/teams/${workspaceId}/secrets`, { json });
    const { detail } = (await response.json()) as { detail: { loc: string[] }[] };
    const locations = detail.map(({ loc }) => loc.join("."));
    for (const field of ["name", "auth_method", "description", "extra", "credentials"]) {
      expect(locations).toContain(`body.${field}`);
    }
  });
});

it("names U+0000 by its place in the caller's JSON, in a field that holds any JSON too", async () => {
  const policy = { statements: [{ effect: "Deny", actions: ["get-value"], principals: ["user:a", "user:b\0"] }] };
  const body = { path: "/nul", secretString: "djE=", kmsKeyIdentity: "default", accessPolicy: policy };
  const refused = await thalassa<{ message: string }>(coffer, "POST /v1/secrets/default/secrets", { json: body });
  expect(refused.body.message).toContain(
    "accessPolicy.statements[0].principals[1]: must not contain the character U+0000",
  );
});
