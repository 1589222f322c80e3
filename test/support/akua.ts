// Requests of the Akua surface, and what its errors say.
import type { FetchInit, TestCoffer } from "./coffer.ts";
import { newName } from "./secrets.ts";

/** A secret as Akua shows it. */
export interface AkuaSecret {
  id: string;
  html_url: string;
  workspace_id: string;
  name: string;
  kind: string;
  state: string;
  validation: { state: string; validated_at: number; error?: string } | null;
  version_count: number;
  enabled_version_count: number;
  created_at: number;
  updated_at: number;
  etag: string;
  description?: string;
  labels: Record<string, string>;
  mime_type?: string;
  version_aliases: Record<string, number>;
  deleted_at?: number;
  purge_at?: number;
  expire_time?: number;
}

export const validBody = () => ({ name: newName("akua"), kind: "generic", value: "v1" });

/** A secret made through Akua's surface. */
export async function createAkuaSecret(coffer: TestCoffer, change: object = {}): Promise<AkuaSecret> {
  const response = await coffer.fetch("/v1/secrets", { json: { ...validBody(), ...change } });
  if (response.status !== 201) throw new Error(`${response.status}: ${await response.text()}`);
  return (await response.json()) as AkuaSecret;
}

export const deleteAkuaSecret = (coffer: TestCoffer, { id, etag }: { id: string; etag: string }, query = "") =>
  coffer.fetch(`/v1/secrets/${id}${query}`, { method: "DELETE", headers: { "if-match": etag } });

export const undeleteAkuaSecret = (coffer: TestCoffer, { id, etag }: { id: string; etag: string }) =>
  coffer.fetch(`/v1/secrets/${id}:undelete`, { method: "POST", headers: { "if-match": etag } });

export async function getAkuaSecret(coffer: TestCoffer, { id }: { id: string }): Promise<AkuaSecret> {
  return (await (await coffer.fetch(`/v1/secrets/${id}`)).json()) as AkuaSecret;
}

export interface AkuaFailure {
  status: number;
  reason: string;
  /** The paths of all errors, their parts joined by `/`. */
  paths: string[];
  metadata: Record<string, string>;
  text: string;
}

/** Returns the error of a failed request. Fails when the body does not have Akua's documented form. */
export async function akuaFailure(coffer: TestCoffer, path: string, init: FetchInit): Promise<AkuaFailure> {
  return describeFailure(await coffer.fetch(path, init));
}

export async function describeFailure(response: Response): Promise<AkuaFailure> {
  const text = await response.text();
  return failureOf(response.status, response.headers.get("content-type"), text);
}

export function failureOf(status: number, contentType: string | null | undefined, text: string): AkuaFailure {
  const body = JSON.parse(text) as {
    success: unknown;
    errors: { code: unknown; message: unknown; path?: string[]; metadata: Record<string, string> }[];
    result: unknown;
  };
  const [first] = body.errors;
  const isDocumented =
    contentType === "application/json" &&
    Object.keys(body).join() === "success,errors,result" &&
    body.success === false &&
    JSON.stringify(body.result) === "{}" &&
    body.errors.every(({ code, message }) => Number.isInteger(code) && typeof message === "string" && message !== "");
  if (!isDocumented || !first) throw new Error(`no error of Akua's form: ${text}`);
  const { metadata } = first;
  return {
    status,
    reason: metadata["reason"] ?? "",
    paths: body.errors.flatMap(({ path }) => (path ? [path.join("/")] : [])),
    metadata,
    text,
  };
}

/** Asks for the value of a version. */
export const accessAkua = (coffer: TestCoffer, id: string, version: string, token?: string | null) =>
  coffer.fetch(`/v1/secrets/${id}/versions/${version}:access`, {
    method: "POST",
    ...(token === undefined ? {} : { token }),
  });

/** The value of a version. */
export async function readAkua(coffer: TestCoffer, id: string, version: string): Promise<string> {
  const response = await accessAkua(coffer, id, version);
  if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`);
  return ((await response.json()) as { value: string }).value;
}

/** A version as Akua shows it. */
export interface AkuaVersion {
  id: string;
  secret_id: string;
  version_number: number;
  state: string;
  comment?: string;
  created_at: number;
  destroyed_at?: number;
  etag: string;
}

/** A page as Akua shows it. */
export interface AkuaPage<T> {
  data: T[];
  has_more: boolean;
  next_cursor: string | null;
}

/** Adds a version through Akua's surface. */
export async function addAkuaVersion(coffer: TestCoffer, { id }: { id: string }, value: string): Promise<AkuaVersion> {
  return bodyOf<AkuaVersion>(await coffer.fetch(`/v1/secrets/${id}/versions`, { json: { value } }), 201);
}

/** The body of an answer; fails when its status is another. */
export async function bodyOf<T>(response: Response, status = 200): Promise<T> {
  const text = await response.text();
  if (response.status !== status) throw new Error(`${response.status} instead of ${status}: ${text}`);
  return JSON.parse(text) as T;
}
