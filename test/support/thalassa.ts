// Fixtures for Thalassa Cloud's surface: its headers, an existing secret, the content of an answer.
import type { FetchInit, TestCoffer } from "./coffer.ts";
import { newName, present } from "./secrets.ts";

export const thalassaRegion = "nl-01";

/** Settings with two regions, the surface's tests being about the first. */
export const thalassaEnv = { COFFER_REGIONS: `${thalassaRegion},nl-02` };

export const secretsUrl = `/v1/secrets/${thalassaRegion}/secrets`;
export const secretUrl = (path: string) => `/v1/secrets/${thalassaRegion}/secret${path}`;
export const keysUrl = `/v1/kms/${thalassaRegion}/keys`;

export interface ThalassaSecret {
  path: string;
  description?: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  createdAt: string;
  updatedAt: string;
  kmsKey: { identity: string };
  currentVersion: number;
  objectVersion: number;
  lastAccessedAt?: string;
  region: { identity: string; name: string; slug: string };
  accessPolicy?: { conditions?: Record<string, unknown>[]; statements?: Record<string, unknown>[] };
  versions?: Record<string, unknown>[];
}

export interface Answer<T = unknown> {
  status: number;
  body: T;
  headers: Headers;
}

type ThalassaInit = Omit<FetchInit, "headers"> & { headers?: Record<string, string | undefined> };

/** The workspace that the owner's token reaches. */
export async function organisationOf(coffer: TestCoffer, token?: string): Promise<string> {
  const { workspaces } = await coffer.clients(token).workspaces.listWorkspaces({});
  return present(workspaces[0]).id;
}

/** Sends a request with the header of the organisation; a header that is `undefined` is left out. */
export async function thalassa<T = unknown>(
  coffer: TestCoffer,
  request: string,
  { headers = {}, ...init }: ThalassaInit = {},
): Promise<Answer<T>> {
  const [method = "", path = ""] = request.split(" ");
  const organisation = Object.hasOwn(headers, "x-organisation-identity") ? undefined : await organisationOf(coffer);
  const given = { "x-organisation-identity": organisation, ...headers };
  const set = Object.entries(given).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const response = await coffer.fetch(path, { method, ...init, headers: Object.fromEntries(set) });
  const text = await response.text();
  return {
    status: response.status,
    body: text === "" ? undefined : JSON.parse(text),
    headers: response.headers,
  } as Answer<T>;
}

export const base64 = (text: string) => Buffer.from(text).toString("base64");

/** A body that creates a secret with the value `v1` and a path of its own, unless told otherwise. */
export function newSecretBody(change: object = {}): { path: string } & Record<string, unknown> {
  return { path: `/app/${newName()}`, kmsKeyIdentity: "default", secretString: base64("v1"), ...change };
}

/** A secret that is there; fails when it is not made. */
export async function createThalassa(coffer: TestCoffer, change: object = {}): Promise<ThalassaSecret> {
  const { status, body } = await thalassa<ThalassaSecret>(coffer, `POST ${secretsUrl}`, {
    json: newSecretBody(change),
  });
  if (status !== 201) throw new Error(`${status}: ${JSON.stringify(body)}`);
  return body;
}

/** The current value, which was given as one, as text. */
export async function readThalassa(coffer: TestCoffer, path: string): Promise<string> {
  const { body } = await thalassa<{ secretString: string }>(coffer, `POST ${secretUrl(path)}/value`);
  return Buffer.from(body.secretString, "base64").toString();
}
