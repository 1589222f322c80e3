// DataRaven's requests about credentials of cloud storage, on the real servers: succeeds, rejects, conflicts, replays.
import { randomUUID } from "node:crypto";
import { beforeAll, describe, expect, it } from "vitest";
import { WorkspaceTier } from "../../../gen/coffer/v1/workspace_service_pb.ts";
import { idOfUuid, uuidOf } from "../../../src/domain/ids.ts";
import { useCoffer } from "../../support/coffer.ts";
import { createRavenSecret, ravenBody, ravenFailure, teamOf } from "../../support/dataraven.ts";
import { errorOf } from "../../support/errors.ts";
import { byId, createSecret, getSecret, newName } from "../../support/secrets.ts";
import { storageCredentials } from "../../support/storage-credentials.ts";

const coffer = useCoffer();
let team = "";
let path = "";
beforeAll(async () => {
  team = await teamOf(coffer);
  path = `/v1/teams/${team}/secrets`;
});

const send = (target: string, init: Parameters<typeof coffer.fetch>[1] = {}) => coffer.fetch(target, init);
const patch = (id: string, json: object) => send(`${path}/${id}`, { method: "PATCH", json });

describe("creates", () => {
  it.each(storageCredentials.map((credential) => [credential.authMethod, credential] as const))(
    "with %s, and shows no credential",
    async (_, credential) => {
      const body = { ...ravenBody(credential), description: "for backups" };
      const response = await send(path, { json: body });
      expect(response.status).toBe(201);
      const text = await response.text();
      const { principalId } = await coffer.clients().tokens.whoAmI({});
      expect(JSON.parse(text)).toEqual({
        id: expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/),
        name: body.name,
        description: "for backups",
        secret_type: body.secret_type,
        auth_method: body.auth_method,
        created_at: expect.stringMatching(/^20\d\d-.*Z$/),
        created_by: uuidOf(principalId),
      });
      for (const value of Object.values(credential.fields)) expect(text).not.toContain(value);
    },
  );

  it("in the team that a workspace's id names too, and reveals nothing anywhere", async () => {
    const { workspaceId } = await coffer.clients().tokens.whoAmI({});
    const response = await send(`/v1/teams/${workspaceId}/secrets`, { json: ravenBody() });
    const { id } = (await response.json()) as { id: string };
    const secretId = idOfUuid("sec", id) ?? "";
    expect(await getSecret(coffer, { id: secretId })).toMatchObject({ kind: "storage/s3", revealable: false });
    expect((await errorOf(coffer.clients().secrets.getSecretValue(byId(secretId)))).reason).toBe("NOT_REVEALABLE");
    const versions = (await (await send(`/v1/secrets/${secretId}/versions`)).json()) as { data: { id: string }[] };
    const access = await send(`/v1/secrets/${secretId}/versions/${versions.data[0]?.id}:access`, { method: "POST" });
    expect(access.status).toBe(409);
    const named = (await getSecret(coffer, { id: secretId })).name;
    const headers = { "x-organisation-identity": workspaceId };
    const value = await send("/v1/secrets/default/secret/value", { json: { path: `/${named}` }, headers });
    expect(value.status).toBe(400);
    const { auditEvents } = await coffer.clients().audit.listAuditEvents({ resourceId: secretId });
    expect(auditEvents.filter(({ result }) => result === "NOT_REVEALABLE")).toHaveLength(3);
  });

  it("once for one idempotency key", async () => {
    const init = { json: ravenBody(), headers: { "idempotency-key": randomUUID() } };
    const first = await (await send(path, init)).json();
    const again = await send(path, init);
    expect([again.status, await again.json()]).toEqual([201, first]);
    expect(again.headers.get("idempotency-replayed")).toBe("true");
  });
});

describe("shows", () => {
  it("all that is known of one", async () => {
    const made = await createRavenSecret(coffer, team, { description: null });
    const response = await send(`${path}/${made.id}`);
    expect([response.status, await response.json()]).toEqual([
      200,
      {
        ...made,
        description: null,
        updated_at: expect.any(String),
        location_count: 0,
        vault_secret_id: null,
        vault_connection_id: null,
        vault_connection_name: null,
        vault_type: null,
        external_field_mappings: null,
        created_by_email: null,
        updated_by: null,
        updated_by_email: null,
        locations: [],
        task_count: 0,
        tasks: [],
      },
    ]);
  });

  it("a list of them and of nothing else, by name, in pieces", async () => {
    const { workspace, ownerToken } = await coffer.clients().workspaces.createWorkspace({ displayName: "list" });
    const list = async (query = "") => {
      const response = await send(`/v1/teams/${workspace?.id}/secrets${query}`, { token: ownerToken });
      return ((await response.json()) as { name: string }[]).map(({ name }) => name);
    };
    expect(await list()).toEqual([]);
    await createSecret(coffer, { name: "b-generic" }, ownerToken);
    for (const name of ["c", "a", "b"]) {
      await send(`/v1/teams/${workspace?.id}/secrets`, { json: { ...ravenBody(), name }, token: ownerToken });
    }
    expect(await list()).toEqual(["a", "b", "c"]);
    expect(await list("?limit=2")).toEqual(["a", "b"]);
    expect(await list("?limit=2&offset=2")).toEqual(["c"]);
    expect(await list("?offset=9")).toEqual([]);
  });
});

describe("changes", () => {
  it("name and description, and clears the description with null", async () => {
    const { id } = await createRavenSecret(coffer, team);
    const name = newName("renamed");
    expect(await (await patch(id, { name, description: "d" })).json()).toMatchObject({ id, name, description: "d" });
    expect(await (await patch(id, { description: null })).json()).toMatchObject({ name, description: null });
    expect((await patch(id, {})).status).toBe(200);
  });

  it("credentials, which are a new version", async () => {
    const { id } = await createRavenSecret(coffer, team);
    const credentials = { ...ravenBody().credentials, secret_access_key: "another" };
    const response = await patch(id, { credentials });
    expect(response.status).toBe(200);
    expect(await response.text()).not.toContain("another");
    expect(await getSecret(coffer, { id: idOfUuid("sec", id) ?? "" })).toMatchObject({ currentVersion: 2 });
  });

  it("the type where the fields stay, and with other fields when they come along", async () => {
    const { id } = await createRavenSecret(coffer, team);
    const toR2 = await patch(id, { secret_type: "r2", auth_method: "r2_access_key" });
    expect(await toR2.json()).toMatchObject({ secret_type: "r2", auth_method: "r2_access_key" });
    const to = { secret_type: "b2", auth_method: "b2_application_key" };
    expect(await ravenFailure(coffer, `${path}/${id}`, { method: "PATCH", json: to })).toMatchObject({
      detail: ["body.credentials"],
    });
    const credentials = storageCredentials.at(-1)?.fields;
    expect(await (await patch(id, { ...to, credentials })).json()).toMatchObject(to);
    const secret = await getSecret(coffer, { id: idOfUuid("sec", id) ?? "" });
    expect(secret).toMatchObject({ kind: "storage/b2", authMethod: "b2_application_key", currentVersion: 2 });
  });

  it("nothing when a part of it is refused", async () => {
    const made = await createRavenSecret(coffer, team);
    const json = { name: newName("no"), credentials: { access_key_id: "short" } };
    expect(await ravenFailure(coffer, `${path}/${made.id}`, { method: "PATCH", json })).toMatchObject({
      detail: ["body.credentials.access_key_id", "body.credentials.secret_access_key"],
    });
    expect(await (await send(`${path}/${made.id}`)).json()).toMatchObject({ name: made.name });
    expect(await getSecret(coffer, { id: idOfUuid("sec", made.id) ?? "" })).toMatchObject({ versionCount: 1 });
  });

  it("once for one idempotency key", async () => {
    const { id } = await createRavenSecret(coffer, team);
    const init = {
      method: "PATCH",
      json: { credentials: ravenBody().credentials },
      headers: { "idempotency-key": randomUUID() },
    };
    for (const replayed of [null, "true"]) {
      const response = await send(`${path}/${id}`, init);
      expect([response.status, response.headers.get("idempotency-replayed")]).toEqual([200, replayed]);
    }
    expect(await getSecret(coffer, { id: idOfUuid("sec", id) ?? "" })).toMatchObject({ versionCount: 2 });
  });
});

describe("deletes", () => {
  it("softly; here it is gone at once, and its name is free", async () => {
    const made = await createRavenSecret(coffer, team);
    const target = `${path}/${made.id}`;
    const response = await send(target, { method: "DELETE" });
    expect([response.status, await response.text()]).toEqual([204, ""]);
    for (const init of [{}, { method: "DELETE" }, { method: "PATCH", json: {} }]) {
      expect(await ravenFailure(coffer, target, init)).toMatchObject({ status: 404 });
    }
    const list = (await (await send(`${path}?limit=1000`)).json()) as { id: string }[];
    expect(list.map(({ id }) => id)).not.toContain(made.id);
    await createRavenSecret(coffer, team, { name: made.name });
    const id = idOfUuid("sec", made.id) ?? "";
    const undeleted = await coffer.clients().secrets.undeleteSecret({ id, newName: newName() });
    expect(undeleted.secret).toMatchObject({ id });
    expect((await send(target)).status).toBe(200);
  });

  it("once for one idempotency key", async () => {
    const { id } = await createRavenSecret(coffer, team);
    const init = { method: "DELETE", headers: { "idempotency-key": randomUUID() } };
    expect([(await send(`${path}/${id}`, init)).status, (await send(`${path}/${id}`, init)).status]).toEqual([
      204, 204,
    ]);
  });
});

describe("conflicts", () => {
  it("a name that is taken, on create and on change", async () => {
    const [one, two] = [await createRavenSecret(coffer, team), await createRavenSecret(coffer, team)];
    const taken = { status: 409, detail: expect.stringContaining(one.name) };
    expect(await ravenFailure(coffer, path, { json: { ...ravenBody(), name: one.name } })).toMatchObject(taken);
    const init = { method: "PATCH", json: { name: one.name } };
    expect(await ravenFailure(coffer, `${path}/${two.id}`, init)).toMatchObject(taken);
  });

  it("a workspace that holds all that its tier allows", async () => {
    const tier = WorkspaceTier.FREE;
    const { workspace, ownerToken } = await coffer.clients().workspaces.createWorkspace({ displayName: "f", tier });
    const target = `/v1/teams/${workspace?.id}/secrets`;
    const calls = Array.from({ length: 12 }, () => send(target, { json: ravenBody(), token: ownerToken }));
    const statuses = (await Promise.all(calls)).map(({ status }) => status);
    expect(statuses.toSorted((a, b) => a - b)).toEqual([...Array(5).fill(201), ...Array(7).fill(403)]);
    expect(await ravenFailure(coffer, target, { json: ravenBody(), token: ownerToken })).toMatchObject({
      status: 403,
      detail: "a workspace of the tier free has a limit of 5 secrets",
    });
  });
});

describe("rejects", () => {
  const long = (length: number) => "x".repeat(length);
  it.each<[what: string, change: object, fields: string[]]>([
    ["no name", { name: undefined }, ["body.name"]],
    ["an empty name", { name: "" }, ["body.name"]],
    ["a name of 256 characters", { name: long(256) }, ["body.name"]],
    ["a name with an empty segment", { name: "a//b" }, ["body.name"]],
    ["a description of 2001 characters", { description: long(2001) }, ["body.description"]],
    ["an unknown type", { secret_type: "ftp" }, ["body.secret_type"]],
    [
      "no type and no method",
      { secret_type: undefined, auth_method: undefined },
      ["body.secret_type", "body.auth_method"],
    ],
    ["a method of another type", { auth_method: "r2_access_key" }, ["body.auth_method"]],
    ["no credentials", { credentials: undefined }, ["body.credentials"]],
    ["empty credentials", { credentials: {} }, ["body.credentials"]],
    [
      "a field of another method and one that is missing",
      { credentials: { access_key_id: "AKIAIOSFODNN7EXAMPLE", application_key: "k" } },
      ["body.credentials.secret_access_key", "body.credentials.application_key"],
    ],
    ["a number as a credential", { credentials: { access_key_id: 5 } }, ["body.credentials.access_key_id"]],
    ["credentials and mappings", { field_mappings: [{ field_name: "a", reference: "b" }] }, ["body.credentials"]],
    ["an unknown field", { secrets: 1 }, ["body.secrets"]],
    ["a field in another spelling", { secretType: "s3" }, ["body.secretType"]],
  ])("%s", async (_, change, fields) => {
    expect(await ravenFailure(coffer, path, { json: { ...ravenBody(), ...change } })).toMatchObject({
      status: 400,
      detail: fields,
    });
  });

  it("takes a name of 255 characters and a description of 2000", async () => {
    const { name, description } = await createRavenSecret(coffer, team, { name: long(255), description: long(2000) });
    expect([name.length, description?.length]).toEqual([255, 2000]);
  });

  it.each([
    ["limit=0", ["query.limit"]],
    ["limit=1001", ["query.limit"]],
    ["offset=-1", ["query.offset"]],
    ["page=2", ["body.page"]],
  ])("a list with %s", async (query, fields) => {
    expect(await ravenFailure(coffer, `${path}?${query}`, {})).toMatchObject({ status: 400, detail: fields });
  });

  it("a body that is no JSON", async () => {
    const init = { method: "POST", body: "{", headers: { "content-type": "application/json" } };
    expect(await ravenFailure(coffer, path, init)).toMatchObject({ status: 400, detail: ["body"] });
  });

  it.each(["not-a-uuid", "00000000-0000-0000-0000-000000000000", "sec_01jzzzzzzzzzzzzzzzzzzzzzzz"])(
    "the secret %s",
    async (id) => {
      for (const init of [{}, { method: "PATCH", json: {} }, { method: "DELETE" }]) {
        expect(await ravenFailure(coffer, `${path}/${id}`, init)).toMatchObject({ status: 404 });
      }
    },
  );

  it("a secret of another kind", async () => {
    const { id } = await createSecret(coffer);
    const { uuidOf } = await import("../../../src/domain/ids.ts");
    expect(await ravenFailure(coffer, `${path}/${uuidOf(id)}`, {})).toMatchObject({ status: 404 });
  });
});
