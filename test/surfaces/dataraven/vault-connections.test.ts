// DataRaven's requests about vault connections, and secrets that refer to them, on the real servers and with vaults on loopback.
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Role } from "../../../gen/coffer/v1/token_service_pb.ts";
import { WorkspaceTier } from "../../../gen/coffer/v1/workspace_service_pb.ts";
import { uuidOf } from "../../../src/domain/ids.ts";
import { otherWorkspace } from "../../support/broad-token.ts";
import { startCoffer, type TestCoffer } from "../../support/coffer.ts";
import { createRavenSecret, ravenBody, ravenConnectionRoutes, ravenFailure, teamOf } from "../../support/dataraven.ts";
import { newName } from "../../support/secrets.ts";
import { localVaults } from "../../support/vault-connections.ts";
import { startVaultService, type VaultService } from "../../support/vault-services.ts";

let coffer: TestCoffer;
let vault: VaultService;
let team = "";
let path = "";
const accessToken = "dp.st.prd.canary";
beforeAll(async () => {
  vault = await startVaultService("doppler", accessToken);
  coffer = await startCoffer({ env: localVaults });
  team = await teamOf(coffer);
  path = `/v1/teams/${team}/vault-connections`;
});
afterAll(async () => {
  await coffer.close();
  await vault.close();
});

const body = (change: object = {}) => ({
  ...{ name: newName("vault"), vault_type: "doppler", access_token: accessToken },
  ...{ project: "storage", config: "prd", base_url: vault.url },
  ...change,
});
const send = (target: string, init: Parameters<typeof coffer.fetch>[1] = {}) => coffer.fetch(target, init);
const post = (target: string, json: object) => send(target, { method: "POST", json });

async function createConnection(change: object = {}) {
  const response = await post(path, body(change));
  expect(response.status).toBe(201);
  return (await response.json()) as { id: string; name: string };
}

const mappings = [
  { field_name: "access_key_id", reference: "ACCESS_KEY_ID" },
  { field_name: "secret_access_key", reference: "SECRET_ACCESS_KEY" },
];
const referring = (id: string) => ({ credentials: undefined, vault_connection_id: id, field_mappings: mappings });

describe("a connection", () => {
  it("is created, shown and listed without its credentials", async () => {
    const response = await post(path, body({ name: "one", description: "d" }));
    const text = await response.text();
    const { principalId } = await coffer.clients().tokens.whoAmI({});
    const shown = {
      ...{ id: expect.any(String), name: "one", description: "d", vault_type: "doppler" },
      ...{ last_verified_at: null, created_at: expect.any(String), created_by: uuidOf(principalId) },
    };
    expect([response.status, JSON.parse(text)]).toEqual([201, shown]);
    expect(text).not.toContain("canary");
    const { id } = JSON.parse(text) as { id: string };
    expect(await (await send(`${path}/${id}`)).json()).toEqual(shown);
    expect(await (await send(path)).json()).toEqual(expect.arrayContaining([shown]));
  });

  it("changes its name and description only, and is deleted", async () => {
    const { id } = await createConnection();
    const name = newName("renamed");
    const patch = (json: object) => send(`${path}/${id}`, { method: "PATCH", json });
    expect(await (await patch({ name, description: "d" })).json()).toMatchObject({ name, description: "d" });
    expect(await (await patch({ description: null })).json()).toMatchObject({ name, description: null });
    const other = { method: "PATCH", json: { access_token: "dp.st.x", vault_type: "doppler" } };
    expect(await ravenFailure(coffer, `${path}/${id}`, other)).toMatchObject({
      detail: ["body.access_token", "body.vault_type"],
    });
    expect((await send(`${path}/${id}`, { method: "DELETE" })).status).toBe(204);
    expect(await ravenFailure(coffer, `${path}/${id}`, {})).toMatchObject({ status: 404 });
  });

  it("is verified, or says why not, and takes other credentials only when the vault does", async () => {
    const { id } = await createConnection();
    const verified = await send(`${path}/${id}:verify`, { method: "POST" });
    expect([verified.status, await verified.json()]).toMatchObject([200, { last_verified_at: expect.any(String) }]);
    const rotate = { method: "POST", json: { access_token: "dp.st.prd.wrong" } };
    const refused = await ravenFailure(coffer, `${path}/${id}:rotate`, rotate);
    expect(refused.status).toBe(400);
    expect(refused.text).not.toContain("dp.st");
    expect((await send(`${path}/${id}:verify`, { method: "POST" })).status).toBe(200);
    vault.credential = "dp.st.prd.second";
    try {
      expect(await ravenFailure(coffer, `${path}/${id}:verify`, { method: "POST" })).toMatchObject({ status: 400 });
      expect((await post(`${path}/${id}:rotate`, { access_token: vault.credential })).status).toBe(200);
      expect((await send(`${path}/${id}:verify`, { method: "POST" })).status).toBe(200);
    } finally {
      vault.credential = accessToken;
    }
  });

  it("is made once for one idempotency key, and not twice under one name", async () => {
    const init = { json: body(), headers: { "idempotency-key": randomUUID() } };
    const [first, again] = [await send(path, init), await send(path, init)];
    expect([again.status, await again.json()]).toEqual([201, await first.json()]);
    expect(await ravenFailure(coffer, path, { json: init.json })).toMatchObject({ status: 409 });
  });

  it("is one in a free workspace, and ten in a pro one, however many are made at once", async () => {
    for (const [tier, limit] of [
      [WorkspaceTier.FREE, 1],
      [WorkspaceTier.PRO, 10],
    ] as const) {
      const { workspace, ownerToken } = await coffer.clients().workspaces.createWorkspace({ displayName: "t", tier });
      const target = `/v1/teams/${workspace?.id}/vault-connections`;
      const calls = Array.from({ length: 14 }, () => send(target, { json: body(), token: ownerToken }));
      const statuses = (await Promise.all(calls)).map(({ status }) => status);
      expect(statuses.filter((status) => status === 201)).toHaveLength(limit);
      expect(statuses.filter((status) => status === 403)).toHaveLength(14 - limit);
    }
  });

  const long = (length: number) => "x".repeat(length);
  it.each<[what: string, change: object, fields: string[]]>([
    ["no name", { name: undefined }, ["body.name"]],
    ["a name of 256 characters", { name: long(256) }, ["body.name"]],
    ["a description of 2001 characters", { description: long(2001) }, ["body.description"]],
    ["an unknown type", { vault_type: "vaultwarden" }, ["body.vault_type"]],
    ["no token", { access_token: undefined }, ["body.access_token"]],
    ["a token with another beginning", { access_token: "ops_x" }, ["body.access_token"]],
    ["a token of 4097 characters", { access_token: `dp.st.${long(4091)}` }, ["body.access_token"]],
    ["no project and no config", { project: undefined, config: undefined }, ["body.project", "body.config"]],
    ["a project of 256 characters", { project: long(256) }, ["body.project"]],
    ["what is for another type", { environment: "prod" }, ["body.environment"]],
    ["an address without https", { base_url: "http://vault.example.com?x" }, ["body.base_url"]],
    [
      "an Infisical without what it needs",
      { vault_type: "infisical", access_token: undefined, project: undefined, config: undefined },
      ["body.project_id", "body.environment", "body.client_id", "body.client_secret"],
    ],
    ["an unknown field", { token: "x" }, ["body.token"]],
  ])("is refused with %s", async (_, change, fields) => {
    expect(await ravenFailure(coffer, path, { json: body(change) })).toMatchObject({ status: 400, detail: fields });
  });
});

describe("a secret that refers to a vault", () => {
  it("keeps its connection from being deleted, which names it", async () => {
    const { id } = await createConnection();
    const secret = await createRavenSecret(coffer, team, referring(id));
    const refused = await ravenFailure(coffer, `${path}/${id}`, { method: "DELETE" });
    expect(refused).toMatchObject({ status: 409, detail: expect.stringContaining("sec_") });
    await send(`/v1/teams/${team}/secrets/${secret.id}`, { method: "DELETE" });
    expect((await send(`${path}/${id}`, { method: "DELETE" })).status).toBe(204);
  });

  it("changes its mappings and never becomes a credential that is stored here", async () => {
    const { id } = await createConnection();
    const secret = await createRavenSecret(coffer, team, referring(id));
    const target = `/v1/teams/${team}/secrets/${secret.id}`;
    const changed = mappings.map((each) => ({ ...each, reference: `NEW_${each.reference}` }));
    expect((await send(target, { method: "PATCH", json: { field_mappings: changed } })).status).toBe(200);
    expect(await (await send(target)).json()).toMatchObject({
      external_field_mappings: { access_key_id: "NEW_ACCESS_KEY_ID", secret_access_key: "NEW_SECRET_ACCESS_KEY" },
    });
    const { credentials } = ravenBody();
    const stored = await createRavenSecret(coffer, team);
    const here = `/v1/teams/${team}/secrets/${stored.id}`;
    for (const [where, json, fields] of [
      [target, { credentials }, ["body.credentials"]],
      [here, { field_mappings: changed }, ["body.field_mappings"]],
      [here, { field_mappings: changed, credentials }, ["body.credentials"]],
      [target, { field_mappings: [] }, ["body.field_mappings"]],
      [target, { vault_connection_id: id }, ["body.vault_connection_id"]],
    ] as const) {
      const init = { method: "PATCH", json };
      expect(await ravenFailure(coffer, where, init)).toMatchObject({ status: 400, detail: fields });
    }
  });

  it.each<[what: string, change: (id: string) => object, fields: string[]]>([
    ["no mappings", (id) => ({ ...referring(id), field_mappings: [] }), ["body.field_mappings"]],
    ["no connection", () => ({ credentials: undefined, field_mappings: mappings }), ["body.vault_connection_id"]],
    [
      "one field only",
      (id) => ({ ...referring(id), field_mappings: mappings.slice(1) }),
      ["body.field_mappings.access_key_id"],
    ],
    [
      "a field that the method lacks",
      (id) => ({ ...referring(id), field_mappings: [...mappings, { field_name: "sas_url", reference: "X" }] }),
      ["body.field_mappings.2"],
    ],
    [
      "a field twice",
      (id) => ({ ...referring(id), field_mappings: [...mappings, ...mappings.slice(1)] }),
      ["body.field_mappings.2.field_name"],
    ],
    [
      "a reference of another vendor",
      (id) => ({ ...referring(id), field_mappings: mappings.map((each) => ({ ...each, reference: "op://a/b/c" })) }),
      ["body.field_mappings.0", "body.field_mappings.1"],
    ],
    ["credentials too", (id) => ({ ...referring(id), credentials: ravenBody().credentials }), ["body.credentials"]],
  ])("is refused with %s", async (_, change, fields) => {
    const { id } = await createConnection();
    const json = { ...ravenBody(), ...change(id) };
    expect(await ravenFailure(coffer, `/v1/teams/${team}/secrets`, { json })).toMatchObject({
      status: 400,
      detail: fields,
    });
  });

  it("is refused with a connection of another team, or none", async () => {
    const { workspaceId, ownerToken } = await otherWorkspace(coffer);
    const foreign = await send(`/v1/teams/${workspaceId}/vault-connections`, { json: body(), token: ownerToken });
    const { id } = (await foreign.json()) as { id: string };
    for (const connectionId of [id, randomUUID(), "no-uuid"]) {
      const json = { ...ravenBody(), ...referring(connectionId) };
      expect(await ravenFailure(coffer, `/v1/teams/${team}/secrets`, { json })).toMatchObject({ status: 404 });
    }
  });
});

describe.each(ravenConnectionRoutes)("$name", ({ name, request, least, scope, ok }) => {
  const roles = ["VIEWER", "OPERATOR", "ADMIN", "OWNER"] as const;
  const [method = ""] = request.split(" ");
  const jsons: Record<string, () => object> = {
    create: body,
    update: () => ({ name: newName("renamed") }),
    rotate: () => ({ access_token: accessToken }),
  };

  async function requestFor() {
    const one = request.includes("{connection_id}") ? `/${(await createConnection()).id}` : "";
    const verb = /:\w+$/.exec(request)?.[0] ?? "";
    const json = jsons[name]?.();
    return { target: `${path}${one}${verb}`, init: { method, ...(json ? { json } : {}) } };
  }

  it.each(roles)("as %s", async (role) => {
    const token = await coffer.tokenWithRole(Role[role]);
    const { target, init } = await requestFor();
    if (roles.indexOf(role) >= roles.indexOf(least)) {
      expect((await send(target, { ...init, token })).status).toBe(ok);
    } else {
      expect(await ravenFailure(coffer, target, { ...init, token })).toMatchObject({ status: 403 });
    }
  });

  it(`takes the scope ${scope} and no other; no token, a wrong one and another team are refused`, async () => {
    const { target, init } = await requestFor();
    const others = ["create", "list", "read", "update", "delete", "verify", "rotate"].map((verb) => `vaults.${verb}`);
    const narrow = await coffer.tokenWithRole(
      Role.OWNER,
      others.filter((each) => each !== scope),
    );
    expect(await ravenFailure(coffer, target, { ...init, token: narrow })).toMatchObject({ status: 403 });
    expect(await ravenFailure(coffer, target, { ...init, token: null })).toMatchObject({ status: 401 });
    expect(await ravenFailure(coffer, target, { ...init, token: "dr_wrong" })).toMatchObject({ status: 401 });
    const { workspaceId, ownerToken } = await otherWorkspace(coffer);
    const foreign = target.replace(team, uuidOf(workspaceId));
    expect(await ravenFailure(coffer, foreign, init)).toMatchObject({ status: 403 });
    expect(await ravenFailure(coffer, target, { ...init, token: ownerToken })).toMatchObject({ status: 403 });
    if (request.includes("{connection_id}")) {
      expect(await ravenFailure(coffer, foreign, { ...init, token: ownerToken })).toMatchObject({ status: 404 });
    }
    const token = await coffer.tokenWithRole(Role.OWNER, [scope]);
    expect((await send(target, { ...init, token })).status).toBe(ok);
  });
});
