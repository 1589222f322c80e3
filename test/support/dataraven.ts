// Requests of the DataRaven surface, and what its errors say.
import { uuidOf } from "../../src/domain/ids.ts";
import type { FetchInit, TestCoffer } from "./coffer.ts";
import { newName, present } from "./secrets.ts";
import { type StorageCredential, storageCredentials } from "./storage-credentials.ts";

/** A credential as a create shows it. */
export interface RavenSecret {
  id: string;
  name: string;
  description: string | null;
  secret_type: string;
  auth_method: string;
  created_at: string;
  created_by: string | null;
}

/** The team that the owner token is of, as its UUID. */
export async function teamOf(coffer: TestCoffer, token?: string): Promise<string> {
  return uuidOf((await coffer.clients(token).tokens.whoAmI({})).workspaceId);
}

export function ravenBody({ kind, authMethod, fields }: StorageCredential = present(storageCredentials[0])) {
  return {
    name: newName("raven"),
    secret_type: kind.replace("storage/", ""),
    auth_method: authMethod,
    credentials: fields,
  };
}

export async function createRavenSecret(coffer: TestCoffer, team: string, change: object = {}): Promise<RavenSecret> {
  const response = await coffer.fetch(`/v1/teams/${team}/secrets`, { json: { ...ravenBody(), ...change } });
  if (response.status !== 201) throw new Error(`${response.status}: ${await response.text()}`);
  return (await response.json()) as RavenSecret;
}

/** Every route, with the least role and the scope that it takes. */
export const ravenRoutes = [
  { name: "create", request: "POST /v1/teams/{team_id}/secrets", least: "ADMIN", scope: "secrets:create", ok: 201 },
  { name: "list", request: "GET /v1/teams/{team_id}/secrets", least: "VIEWER", scope: "secrets:read", ok: 200 },
  {
    name: "get",
    request: "GET /v1/teams/{team_id}/secrets/{secret_id}",
    least: "VIEWER",
    scope: "secrets:read",
    ok: 200,
  },
  {
    name: "update",
    request: "PATCH /v1/teams/{team_id}/secrets/{secret_id}",
    least: "ADMIN",
    scope: "secrets:update",
    ok: 200,
  },
  {
    name: "delete",
    request: "DELETE /v1/teams/{team_id}/secrets/{secret_id}",
    least: "ADMIN",
    scope: "secrets:delete",
    ok: 204,
  },
] as const;

/** The same for connections, whose scopes are coffer's own. */
export const ravenConnectionRoutes = [
  {
    name: "create",
    request: "POST /v1/teams/{team_id}/vault-connections",
    least: "ADMIN",
    scope: "vaults.create",
    ok: 201,
  },
  {
    name: "list",
    request: "GET /v1/teams/{team_id}/vault-connections",
    least: "VIEWER",
    scope: "vaults.list",
    ok: 200,
  },
  {
    name: "get",
    request: "GET /v1/teams/{team_id}/vault-connections/{connection_id}",
    least: "VIEWER",
    scope: "vaults.read",
    ok: 200,
  },
  {
    name: "update",
    request: "PATCH /v1/teams/{team_id}/vault-connections/{connection_id}",
    least: "ADMIN",
    scope: "vaults.update",
    ok: 200,
  },
  {
    name: "delete",
    request: "DELETE /v1/teams/{team_id}/vault-connections/{connection_id}",
    least: "ADMIN",
    scope: "vaults.delete",
    ok: 204,
  },
  {
    name: "verify",
    request: "POST /v1/teams/{team_id}/vault-connections/{connection_id}:verify",
    least: "ADMIN",
    scope: "vaults.verify",
    ok: 200,
  },
  {
    name: "rotate",
    request: "POST /v1/teams/{team_id}/vault-connections/{connection_id}:rotate",
    least: "ADMIN",
    scope: "vaults.rotate",
    ok: 200,
  },
] as const;

export interface RavenFailure {
  status: number;
  /** The fields that are named, their parts joined by `.`; for other errors the sentence. */
  detail: string[] | string;
  text: string;
}

/** Returns the error of a failed request. Fails when the body does not have DataRaven's documented form. */
export async function ravenFailure(coffer: TestCoffer, path: string, init: FetchInit): Promise<RavenFailure> {
  const response = await coffer.fetch(path, init);
  const text = await response.text();
  const { detail, ...others } = JSON.parse(text) as { detail: unknown };
  if (Object.keys(others).length > 0) throw new Error(`no error of DataRaven's form: ${text}`);
  if (typeof detail === "string" && response.status !== 400) return { status: response.status, detail, text };
  const rules = detail as { loc: (string | number)[]; msg: string; type: string }[];
  const isDocumented =
    response.status === 400 && rules.length > 0 && rules.every((rule) => Object.keys(rule).join() === "loc,msg,type");
  if (!isDocumented) throw new Error(`no error of DataRaven's form: ${text}`);
  return { status: 400, detail: rules.map(({ loc }) => loc.join(".")), text };
}
