// Every documented request of Akua's API, with what its documents say of each.
import {
  type AkuaPage,
  type AkuaSecret,
  type AkuaVersion,
  addAkuaVersion,
  bodyOf,
  createAkuaSecret,
  deleteAkuaSecret,
  getAkuaSecret,
  validBody,
} from "./akua.ts";
import type { FetchInit, TestCoffer } from "./coffer.ts";

export type AkuaScope = "secrets:read" | "secrets:write" | "secrets:access";

export interface AkuaRoute {
  /** The RPC behind it. */
  rpc: string;
  request: `${"GET" | "POST" | "PATCH" | "DELETE"} /v1/${string}`;
  scope: AkuaScope;
  success: 200 | 201 | 204;
  /** The result of a request about a soft-deleted secret. */
  deleted?: 200 | 404 | 409;
  /** The resource whose etag if-match must have. */
  ifMatch?: "secret" | "version";
  /** Whether a body is needed, and one that is valid. */
  body?: () => object;
  /** About no workspace, and without anything that it would keep or change. */
  keepsNothing?: true;
  /** The state that it is there to change. */
  from?: "soft_deleted" | "disabled";
}

export const akuaRoutes: readonly AkuaRoute[] = [
  { rpc: "CreateSecret", request: "POST /v1/secrets", scope: "secrets:write", success: 201, body: validBody },
  { rpc: "ListSecrets", request: "GET /v1/secrets", scope: "secrets:read", success: 200 },
  { rpc: "GetSecret", request: "GET /v1/secrets/{id}", scope: "secrets:read", success: 200, deleted: 200 },
  {
    rpc: "UpdateSecret",
    request: "PATCH /v1/secrets/{id}",
    scope: "secrets:write",
    success: 200,
    deleted: 409,
    ifMatch: "secret",
    body: () => ({ description: "changed" }),
  },
  {
    rpc: "DeleteSecret",
    request: "DELETE /v1/secrets/{id}",
    scope: "secrets:write",
    success: 204,
    deleted: 404,
    ifMatch: "secret",
  },
  {
    rpc: "UndeleteSecret",
    request: "POST /v1/secrets/{id}:undelete",
    scope: "secrets:write",
    success: 200,
    deleted: 200,
    ifMatch: "secret",
    from: "soft_deleted",
  },
  {
    rpc: "ValidateToken",
    request: "POST /v1/secrets/validate_token",
    scope: "secrets:write",
    success: 200,
    body: () => ({ provider: "hcloud", value: "good" }),
    keepsNothing: true,
  },
  {
    rpc: "CreateSecretVersion",
    request: "POST /v1/secrets/{id}/versions",
    scope: "secrets:write",
    success: 201,
    deleted: 404,
    body: () => ({ value: "new" }),
  },
  {
    rpc: "ListSecretVersions",
    request: "GET /v1/secrets/{id}/versions",
    scope: "secrets:read",
    success: 200,
    deleted: 200,
  },
  {
    rpc: "GetSecretVersion",
    request: "GET /v1/secrets/{id}/versions/{vid}",
    scope: "secrets:read",
    success: 200,
    deleted: 200,
  },
  {
    rpc: "EnableSecretVersion",
    request: "POST /v1/secrets/{id}/versions/{vid}:enable",
    scope: "secrets:write",
    success: 200,
    deleted: 409,
    ifMatch: "version",
    from: "disabled",
  },
  {
    rpc: "DisableSecretVersion",
    request: "POST /v1/secrets/{id}/versions/{vid}:disable",
    scope: "secrets:write",
    success: 200,
    deleted: 409,
    ifMatch: "version",
  },
  {
    rpc: "DestroySecretVersion",
    request: "POST /v1/secrets/{id}/versions/{vid}:destroy",
    scope: "secrets:write",
    success: 200,
    deleted: 409,
    ifMatch: "version",
  },
  {
    rpc: "AccessSecretVersion",
    request: "POST /v1/secrets/{id}/versions/{vid}:access",
    scope: "secrets:access",
    success: 200,
    deleted: 404,
  },
];

/** The resource of a request, in the state that the route requires. */
export interface Target {
  id: string;
  vid: string;
  /** The required if-match. */
  etag: string;
}

export async function targetOf(coffer: TestCoffer, { from, ifMatch }: AkuaRoute): Promise<Target> {
  const { id } = await createAkuaSecret(coffer);
  let version = await addAkuaVersion(coffer, { id }, "v2");
  if (from === "disabled") {
    const init = { method: "POST", headers: { "if-match": version.etag } };
    version = await bodyOf<AkuaVersion>(await coffer.fetch(`/v1/secrets/${id}/versions/${version.id}:disable`, init));
  }
  if (from === "soft_deleted") await deleteAkuaSecret(coffer, await getAkuaSecret(coffer, { id }));
  const secret = await getAkuaSecret(coffer, { id });
  return { id, vid: version.id, etag: ifMatch === "version" ? version.etag : secret.etag };
}

/** The request of a route as its documents show it; `change` adds to it, a header that is `undefined` is left out. */
export function sendAkua(
  coffer: TestCoffer,
  route: AkuaRoute,
  target: Target,
  change: Omit<FetchInit, "headers"> & { headers?: Record<string, string | undefined> } = {},
): Promise<Response> {
  const { method, path } = partsOf(route, target);
  const given = { ...(route.ifMatch ? { "if-match": target.etag } : {}), ...change.headers };
  const headers = Object.fromEntries(
    Object.entries(given).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
  return coffer.fetch(path, { method, ...(route.body ? { json: route.body() } : {}), ...change, headers });
}

export function partsOf({ request }: AkuaRoute, { id, vid }: Pick<Target, "id" | "vid">) {
  const [method = "", template = ""] = request.split(" ");
  return { method, path: template.replace("{id}", id).replace("{vid}", vid) };
}

/** Everything that Akua's API shows of a secret, its values too. */
export async function allOf(coffer: TestCoffer, { id }: Pick<Target, "id">) {
  const secret = await bodyOf<AkuaSecret>(await coffer.fetch(`/v1/secrets/${id}`));
  const versions = await bodyOf<AkuaPage<AkuaVersion>>(await coffer.fetch(`/v1/secrets/${id}/versions`));
  return { secret, versions };
}
