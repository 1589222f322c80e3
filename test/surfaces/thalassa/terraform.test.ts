// A run of Thalassa Cloud's Terraform provider: apply, a plan without differences, changes, and destroy, with what it reads after each step.
import { describe, expect, it } from "vitest";
import { useCoffer } from "../../support/coffer.ts";
import { createKey } from "../../support/keys.ts";
import { newName } from "../../support/secrets.ts";
import {
  base64,
  organisationOf,
  secretsUrl,
  secretUrl,
  type ThalassaSecret,
  thalassa,
  thalassaEnv,
  thalassaRegion,
} from "../../support/thalassa.ts";

const coffer = useCoffer({ env: thalassaEnv });

interface Config {
  path: string;
  description?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  kmsKeyIdentity: string;
}

interface Statement {
  effect: "Allow" | "Deny";
  actions: string[];
  principals: string[];
}

async function send<T>(request: string, json?: object) {
  const headers = {
    "x-organisation-identity": await organisationOf(coffer),
    authorization: `Token ${coffer.ownerToken}`,
    accept: "application/json",
  };
  return thalassa<T>(coffer, request, { token: null, headers, ...(json ? { json } : {}) });
}

/** thalassa_secret: created, and read back. */
async function applySecret(config: Config, value: object): Promise<void> {
  const { status, body } = await send<ThalassaSecret>(`POST ${secretsUrl}`, { ...config, ...value });
  expect([status, body.path]).toEqual([201, config.path]);
}

/** The attributes of thalassa_secret that a plan compares with the configuration. */
async function refreshSecret(path: string) {
  const { status, body } = await send<ThalassaSecret>(`GET ${secretUrl(path)}`);
  if (status === 404) return undefined;
  const { description = "", labels, annotations, currentVersion, createdAt } = body;
  return { path: body.path, description, labels, annotations, currentVersion, createdAt };
}

/** thalassa_secret_access_policy: what it reads; undefined keeps the statements of the state. */
async function refreshPolicy(path: string): Promise<unknown> {
  return (await send<ThalassaSecret>(`GET ${secretUrl(path)}`)).body.accessPolicy?.statements;
}

async function applyPolicy(path: string, statements: readonly Statement[]): Promise<void> {
  // As Go leaves out an empty list.
  const accessPolicy = statements.length === 0 ? {} : { statements };
  expect((await send(`PUT ${secretUrl(path)}/policy`, { accessPolicy })).status).toBe(200);
}

/** thalassa_secret_version: put, and found again among the versions. */
async function applyVersion(path: string, value: object): Promise<number> {
  const { status, body } = await send<{ version: number }>(`POST ${secretUrl(path)}/versions`, { path, ...value });
  expect(status).toBe(201);
  const shown = await send<ThalassaSecret>(`GET ${secretUrl(path)}?includeVersions=true`);
  expect(shown.body.versions?.map(({ version }) => version)).toContain(body.version);
  return body.version;
}

const destroyVersion = async (path: string, version: number) =>
  (await send(`DELETE ${secretUrl(path)}/versions?version=${version}`)).status;

const keyId = async () => (await createKey(coffer, { region: thalassaRegion })).id;

describe("thalassa_secret", () => {
  it("is the same at the second plan, with every field; labels keep their names and empty values", async () => {
    const config = {
      path: `/tf/${newName("acc")}`,
      description: "Managed by Terraform – ünïcode",
      labels: { Environment: "acc", "app.kubernetes.io/name": "x", empty: "" },
      annotations: { note: "line one\nline two", "a/b": "c" },
      kmsKeyIdentity: await keyId(),
    };
    await applySecret(config, { secretString: base64("initial-value") });
    const { kmsKeyIdentity: _, ...compared } = config;
    const first = await refreshSecret(config.path);
    expect(first).toMatchObject({ ...compared, currentVersion: 1 });
    expect(await refreshSecret(config.path)).toEqual(first);
  });

  it("with nothing but what is required, by a string, by parts or generated", async () => {
    for (const value of [
      { secretString: base64("initial-value") },
      { secretKeyValues: { username: base64("u") } },
      { generateSecret: { byteLength: 32 } },
    ]) {
      const config = { path: `/tf/${newName("acc")}`, kmsKeyIdentity: await keyId(), description: "" };
      await applySecret(config, value);
      const shown = { description: "", labels: {}, annotations: {}, currentVersion: 1 };
      expect(await refreshSecret(config.path)).toMatchObject({ path: config.path, ...shown });
    }
  });
});

it("a whole run: secret, policy, versions that replace each other, browse, destroy in the order that Terraform does it", async () => {
  const folder = `/tf/${newName("run")}`;
  const path = `${folder}/db/password`;
  await applySecret({ path, kmsKeyIdentity: await keyId(), labels: { a: "b" } }, { secretString: base64("v1") });
  const created = await refreshSecret(path);

  // The policy, twice the same, then another principal, then a Deny beside it.
  const platform: Statement = { effect: "Allow", actions: ["read"], principals: ["team:platform"] };
  const engineering: Statement = { ...platform, principals: ["team:engineering"] };
  const deny: Statement = {
    effect: "Deny",
    actions: ["putSecretValue", "delete"],
    principals: ["user:intern", "team:x"],
  };
  const unlisted: Statement = { effect: "Allow", actions: ["list", "getSecretValue"], principals: [] };
  for (const statements of [
    [platform],
    [platform],
    [engineering],
    [deny, engineering],
    [engineering, deny, unlisted],
  ]) {
    await applyPolicy(path, statements);
    expect(await refreshPolicy(path)).toEqual(statements);
    expect(await refreshPolicy(path)).toEqual(statements);
    expect(await refreshSecret(path)).toEqual(created);
  }

  // A version is replaced: destroyed and made anew, or made anew and then destroyed.
  const second = await applyVersion(path, { secretString: base64("v2") });
  expect(await destroyVersion(path, second)).toBe(204);
  expect(await refreshSecret(path)).toMatchObject({ currentVersion: 1 });
  const third = await applyVersion(path, { secretString: base64("v3") });
  expect(third).toBe(3);
  const fourth = await applyVersion(path, { generateSecret: { byteLength: 16 } });
  expect(await destroyVersion(path, third)).toBe(204);
  expect(await refreshSecret(path)).toMatchObject({ currentVersion: fourth });
  const history = await send<ThalassaSecret>(`GET ${secretUrl(path)}?includeVersions=true`);
  expect(history.body.versions?.map(({ version, status, stage }) => [version, status, stage])).toEqual([
    [4, "active", "current"],
    [3, "destroyed", undefined],
    [2, "destroyed", undefined],
    [1, "active", undefined],
  ]);
  expect(await refreshPolicy(path)).toEqual([engineering, deny, unlisted]);

  const level = await send<{ prefixes: string[] }>(`GET ${secretsUrl}?path=${folder}`);
  expect(level.body.prefixes).toEqual([`${folder}/db/`]);

  // Destroy: the version, the policy, the secret; each once more, as a run that was cut off repeats it.
  expect([await destroyVersion(path, fourth), await destroyVersion(path, fourth)]).toEqual([204, 204]);
  await applyPolicy(path, []);
  await applyPolicy(path, []);
  expect(await refreshPolicy(path)).toBeUndefined();
  expect((await send(`DELETE ${secretUrl(path)}`)).status).toBe(204);
  expect((await send(`DELETE ${secretUrl(path)}`)).status).toBe(404);
  expect(await refreshSecret(path)).toBeUndefined();
  expect(await destroyVersion(path, 1)).toBe(404);

  // The path is free, and inherits nothing.
  await applySecret({ path, kmsKeyIdentity: await keyId() }, { secretString: base64("again") });
  expect(await refreshSecret(path)).toMatchObject({ currentVersion: 1, labels: {} });
  expect(await refreshPolicy(path)).toBeUndefined();
});
