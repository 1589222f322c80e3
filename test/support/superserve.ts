// Requests of the Superserve surface, and what its errors say.
import type { FetchInit, TestCoffer } from "./coffer.ts";
import { newName } from "./secrets.ts";

export interface ServeSecret {
  id: string;
  name: string;
  auth_type: string;
  auth_config: object;
  hosts: string[];
  created_at: string;
  updated_at: string;
  provider_shortcut?: string;
  last_used_at?: string;
}

/** Sends a request with `X-API-Key`. */
export function serve(coffer: TestCoffer, path: string, init: FetchInit = {}): Promise<Response> {
  const { token = coffer.ownerToken, headers = {}, ...others } = init;
  return coffer.fetch(path, { ...others, token: null, headers: token ? { "x-api-key": token, ...headers } : headers });
}

/** The answer of a request that must succeed. */
export async function served<T>(coffer: TestCoffer, path: string, init: FetchInit = {}): Promise<T> {
  const response = await serve(coffer, path, init);
  if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
  return (response.status === 204 ? undefined : await response.json()) as T;
}

/** Returns the error of a failed request as `404 not_found`. Fails when the body does not have Superserve's documented form. */
export async function serveFailure(coffer: TestCoffer, path: string, init: FetchInit = {}) {
  const response = await serve(coffer, path, init);
  const text = await response.text();
  const { error, ...others } = JSON.parse(text) as { error?: { code: string; message: string } };
  const isDocumented = error && Object.keys(error).join() === "code,message" && Object.keys(others).length === 0;
  if (response.ok || !isDocumented) throw new Error(`no error of Superserve's form: ${response.status} ${text}`);
  return { error: `${response.status} ${error.code}`, message: error.message };
}

export function serveBody(change: object = {}) {
  return { name: newName("KEY"), value: "sk-value", provider: "openai", ...change };
}

export function createServeSecret(coffer: TestCoffer, change: object = {}): Promise<ServeSecret> {
  return served(coffer, "/secrets", { json: serveBody(change) });
}

/** Every route, with the permissions that it takes. */
export const serveRoutes = [
  { request: "POST /secrets", permissions: ["secrets.create"], success: 201 },
  { request: "GET /secrets", permissions: ["secrets.list"], success: 200 },
  { request: "GET /secrets/{name}", permissions: ["secrets.read"], success: 200 },
  { request: "PATCH /secrets/{name}", permissions: ["secrets.read", "versions.add"], success: 200 },
  { request: "DELETE /secrets/{name}", permissions: ["secrets.read", "secrets.delete"], success: 204 },
  { request: "GET /secrets/{name}/audit", permissions: ["secrets.read", "egress.events"], success: 200 },
  { request: "GET /secrets/{name}/sandboxes", permissions: ["secrets.read", "egress.read"], success: 200 },
  { request: "GET /providers", permissions: [], success: 200 },
  { request: "POST /sandboxes", permissions: ["egress.create", "egress.bind", "secrets.use"], success: 201 },
  { request: "GET /sandboxes/{id}", permissions: ["egress.read"], success: 200 },
  { request: "GET /sandboxes", permissions: ["egress.read"], success: 200 },
  { request: "PATCH /sandboxes/{id}", permissions: ["egress.update"], success: 204 },
  {
    request: "POST /sandboxes/{id}/activate",
    permissions: ["egress.create", "egress.bind", "secrets.use"],
    success: 200,
  },
  { request: "GET /sandboxes/{id}/network", permissions: ["egress.events"], success: 200 },
  { request: "DELETE /sandboxes/{id}", permissions: ["egress.delete"], success: 204 },
  { request: "POST /sandboxes/{id}/secrets", permissions: ["egress.bind", "secrets.use"], success: 201 },
  { request: "DELETE /sandboxes/{id}/secrets/{env_key}", permissions: ["egress.unbind"], success: 204 },
] as const;
