// Every call of Thalassa Cloud's Go client as it writes it: header names, bodies and URLs, and the answers that it requires.
import { describe, expect, it } from "vitest";
import { Role } from "../../../gen/coffer/v1/token_service_pb.ts";
import { newMember } from "../../support/access.ts";
import { useCoffer } from "../../support/coffer.ts";
import { createKey } from "../../support/keys.ts";
import { rawRequest, sendRaw } from "../../support/raw-http.ts";
import { newName } from "../../support/secrets.ts";
import { base64, organisationOf, secretsUrl, secretUrl, thalassaEnv, thalassaRegion } from "../../support/thalassa.ts";

const coffer = useCoffer({ env: thalassaEnv });

interface Call {
  /** As the client spells them, or as a proxy on the way does. */
  spell?: (name: string) => string;
  token?: string;
  body?: unknown;
}

/** A request as Go's net/http writes it. */
async function call<T = Record<string, unknown>>(
  method: string,
  target: string,
  { spell = (name) => name, token = coffer.ownerToken, body }: Call = {},
): Promise<{ status: number; body: T; text: string }> {
  const json = body === undefined ? undefined : JSON.stringify(body);
  const headers: [string, string][] = [
    ["Host", new URL(coffer.url).host],
    ["User-Agent", "thalassa-client-go/0.35.3"],
    ...(json === undefined ? [] : ([["Content-Length", String(Buffer.byteLength(json))]] as [string, string][])),
    ["Accept", "application/json"],
    ["Authorization", `Token ${token}`],
    ...(json === undefined ? [] : ([["Content-Type", "application/json"]] as [string, string][])),
    ["X-Organisation-Identity", await organisationOf(coffer)],
    ["Accept-Encoding", "gzip"],
  ];
  const lines = headers.map(([name, value]) => `${spell(name)}: ${value}`);
  const { status, body: text } = await sendRaw(
    coffer.url,
    rawRequest([`${method} ${target} HTTP/1.1`, ...lines], json),
  );
  return { status, text, body: (text === "" ? undefined : JSON.parse(text)) as T };
}

/** CreateSecret with all that it may have. */
async function create(change: object = {}, path = `/app/prod/${newName()}`) {
  const { id } = await createKey(coffer, { region: thalassaRegion });
  const body = { path, kmsKeyIdentity: id, secretString: base64("super-secret"), ...change };
  const answer = await call("POST", secretsUrl, { body });
  expect(answer.status).toBe(201);
  return { path, keyId: id, secret: answer.body };
}

describe("the Go client", () => {
  it("creates a secret and reads it back, without and with its versions", async () => {
    const given = {
      description: "the password",
      labels: { team: "platform", env: "prod" },
      annotations: { "example.com/owner": "someone" },
    };
    const { path, keyId, secret } = await create(given);
    expect(secret).toMatchObject({ path, ...given, currentVersion: 1, kmsKey: { identity: keyId } });
    const { body, status } = await call("GET", secretUrl(path));
    expect([status, body]).toEqual([200, secret]);
    const { body: whole } = await call("GET", `${secretUrl(path)}?includeVersions=true`);
    expect(whole).toEqual({
      ...secret,
      versions: [
        { version: 1, status: "active", stage: "current", valueFormat: "string", createdAt: expect.any(String) },
      ],
    });
  });

  it("leaves out what is empty: no labels, no description, no policy are in the answer then", async () => {
    const { secret } = await create({ labels: {}, annotations: {}, description: "", accessPolicy: null });
    expect(secret).toMatchObject({ labels: {}, annotations: {} });
    for (const name of ["description", "accessPolicy", "lastAccessedAt", "versions"]) {
      expect(secret).not.toHaveProperty(name);
    }
  });

  it("puts and gets values with `path` in the body, in every form, of the current and of an older version", async () => {
    const { path, keyId } = await create();
    const put = (value: object) => call("POST", `${secretUrl(path)}/versions`, { body: { path, ...value } });
    const get = (version: object = {}) => call("POST", `${secretUrl(path)}/value`, { body: { path, ...version } });
    expect((await put({ secretString: base64("second") })).body).toEqual({ path, version: 2 });
    expect((await put({ secretKeyValues: { user: base64("u"), pass: base64("p") } })).body).toEqual({
      path,
      version: 3,
    });
    expect((await put({ generateSecret: { byteLength: 32 } })).body).toEqual({ path, version: 4 });
    const key = { kmsKeyIdentity: keyId, kmsKeyVersion: "1" };
    expect((await get({ version: 1 })).body).toEqual({
      path,
      version: 1,
      secretString: base64("super-secret"),
      ...key,
    });
    expect((await get({ version: 3 })).body).toEqual({
      ...{ path, version: 3, ...key },
      secretKeyValues: { user: base64("u"), pass: base64("p") },
    });
    const current = (await get()).body;
    expect(Buffer.from(String(current["secretString"]), "base64")).toHaveLength(32);
    expect(current["version"]).toBe(4);
  });

  it("browses with and without a slash at the end, and lists below a prefix, as a bare array", async () => {
    const folder = `/browse/${newName()}`;
    await create({}, `${folder}/db/password`);
    await create({}, `${folder}/config`);
    for (const path of [`${folder}/`, folder]) {
      const { body } = await call<{ secrets: { path: string }[] }>(
        "GET",
        `${secretsUrl}?path=${encodeURIComponent(path)}`,
      );
      expect(body).toMatchObject({ path: `${folder}/`, prefixes: [`${folder}/db/`] });
      expect(body.secrets.map((secret) => secret.path)).toEqual([`${folder}/config`]);
    }
    const { body } = await call<{ path: string }[]>(
      "GET",
      `${secretsUrl}?pathPrefix=${encodeURIComponent(`${folder}/`)}`,
    );
    expect(body.map((secret) => secret.path)).toEqual([`${folder}/config`, `${folder}/db/password`]);
  });

  it("replaces the policy by statements, which come back as they were, and clears it by null and by an empty one", async () => {
    const { path } = await create();
    const { principalId } = await newMember(coffer);
    const policies = [
      { statements: [{ effect: "allow", actions: ["secrets:get-value"] }] },
      {
        statements: [
          { effect: "Deny", actions: ["getSecretValue", "secrets:read"], principals: ["user:nobody", principalId] },
          { effect: "Allow", actions: [], principals: [] },
          { effect: "Allow", actions: ["read", "list", "read"], principals: ["team:platform", "team:platform"] },
        ],
      },
    ];
    for (const accessPolicy of policies) {
      const { status, body } = await call("PUT", `${secretUrl(path)}/policy`, { body: { accessPolicy } });
      expect([status, body["accessPolicy"]]).toEqual([200, accessPolicy]);
      expect((await call("GET", secretUrl(path))).body["accessPolicy"]).toEqual(accessPolicy);
      const level = await call<{ secrets: unknown[] }>("GET", `${secretsUrl}?path=/app/prod/`);
      expect(level.body.secrets).toContainEqual(expect.objectContaining({ path, accessPolicy }));
    }
    for (const none of [null, {}, { statements: [] }, { statements: null }]) {
      await call("PUT", `${secretUrl(path)}/policy`, { body: { accessPolicy: policies[0] } });
      const { status, body } = await call("PUT", `${secretUrl(path)}/policy`, { body: { accessPolicy: none } });
      expect([status, body["accessPolicy"]]).toEqual([200, undefined]);
    }
    const made = await create({ accessPolicy: policies[1] });
    expect(made.secret["accessPolicy"]).toEqual(policies[1]);
  });

  it("destroys versions, the current one too, and deletes the secret: 204 without a body", async () => {
    const { path } = await create();
    await call("POST", `${secretUrl(path)}/versions`, { body: { path, secretString: base64("v2") } });
    expect(await call("DELETE", `${secretUrl(path)}/versions?version=2`)).toMatchObject({ status: 204, text: "" });
    expect((await call("GET", secretUrl(path))).body).toMatchObject({ currentVersion: 1 });
    expect(await call("DELETE", `${secretUrl(path)}/versions?version=1`)).toMatchObject({ status: 204, text: "" });
    expect((await call("GET", secretUrl(path))).body).toMatchObject({ currentVersion: 0 });
    const read = await call("POST", `${secretUrl(path)}/value`, { body: { path } });
    expect([read.status, Object.keys(read.body)]).toEqual([404, ["message"]]);
    expect(await call("DELETE", secretUrl(path))).toMatchObject({ status: 204, text: "" });
    expect(await call("GET", secretUrl(path))).toMatchObject({
      status: 404,
      body: { message: "there is no such secret" },
    });
  });

  it.each<[string, (name: string) => string]>([
    ["lower case", (name) => name.toLowerCase()],
    ["upper case", (name) => name.toUpperCase()],
  ])("is understood with header names in %s", async (_, spell) => {
    const { path } = await create();
    expect((await call("GET", secretUrl(path), { spell })).status).toBe(200);
    expect((await call("POST", `${secretUrl(path)}/value`, { spell, body: { path } })).status).toBe(200);
  });

  it("may percent-encode paths, as with a plus sign", async () => {
    const { path } = await create({}, `/app/a+b_c-d.e/${newName()}`);
    for (const spelled of [path, path.replaceAll("+", "%2B"), path.replaceAll("+", "%2b").replaceAll("_", "%5F")]) {
      expect((await call("GET", secretUrl(spelled))).body).toMatchObject({ path });
      expect((await call("POST", `${secretUrl(spelled)}/value`, { body: { path } })).status).toBe(200);
    }
  });

  it("reads `message` from every error: 400, 401, 403, 404, 409", async () => {
    const { path, keyId } = await create();
    const body = { path, kmsKeyIdentity: keyId, secretString: base64("x") };
    const viewer = await coffer.tokenWithRole(Role.VIEWER);
    const answers = [
      await call("POST", secretsUrl, { body: { ...body, path: "bad path" } }),
      await call("GET", secretUrl(path), { token: "none" }),
      await call("POST", `${secretUrl(path)}/value`, { token: viewer, body: { path } }),
      await call("GET", secretUrl(`${path}/none`)),
      await call("POST", secretsUrl, { body }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([400, 401, 403, 404, 409]);
    for (const { body: error } of answers) expect(error).toEqual({ message: expect.stringMatching(/./) });
  });
});
