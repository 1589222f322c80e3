// Superserve's requests about sandboxes and the secrets in them, on the real servers.
import { describe, expect, it } from "vitest";
import { idOfUuid } from "../../../src/domain/ids.ts";
import { useCoffer } from "../../support/coffer.ts";
import { createSecret, newName } from "../../support/secrets.ts";
import { createServeSecret, serve, served, serveFailure } from "../../support/superserve.ts";

const coffer = useCoffer({ env: { COFFER_EGRESS_URL: "http://egress.example.com:8081" } });

interface ServeSandbox {
  id: string;
  secrets: { env_key: string; secret_name: string; placeholder: string }[];
  access_token: string;
}

const failure = (path: string, init: object = {}) => serveFailure(coffer, path, init);
const createSandbox = (json: object = {}) =>
  served<ServeSandbox>(coffer, "/sandboxes", { json: { name: "box", ...json } });
const unknown = "01900000-0000-7000-8000-000000000000";

describe("POST /sandboxes", () => {
  it("answers 201 with a token for the proxy and placeholders", async () => {
    const { name } = await createServeSecret(coffer, { provider: "stripe" });
    const made = await createSandbox({ name: "agent", secrets: { STRIPE_KEY: name } });
    expect(made).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      name: "agent",
      status: "active",
      created_at: expect.stringMatching(/:\d\dZ$/),
      secrets: [{ env_key: "STRIPE_KEY", secret_name: name, placeholder: expect.stringMatching(/^sk_test_\w{24}$/) }],
      metadata: {},
      env_vars: {},
      access_token: expect.stringMatching(/^sbx_coffer_/),
      proxy_url: `http://sandbox:${made.access_token}@egress.example.com:8081/`,
    });
    const { id, secrets, ...others } = await served<ServeSandbox & { name: string }>(coffer, `/sandboxes/${made.id}`);
    expect([id, secrets]).toEqual([made.id, [{ env_key: "STRIPE_KEY", secret_name: name, revoked: false }]]);
    expect(others).toMatchObject({ name: "agent", status: "active", metadata: {}, env_vars: {} });
    expect(Object.keys(others)).toEqual(["name", "status", "created_at", "metadata", "env_vars"]);
    const bound = [{ sandbox_id: made.id, sandbox_name: "agent", env_key: "STRIPE_KEY", status: "active" }];
    expect(await served(coffer, `/secrets/${name}/sandboxes`)).toEqual(bound);
  });

  it("shows no token in a replay", async () => {
    const init = { json: { name: "again" }, headers: { "idempotency-key": newName() } };
    const { access_token, ...first } = await served<ServeSandbox>(coffer, "/sandboxes", init);
    const again = await served<object>(coffer, "/sandboxes", init);
    expect(again).toMatchObject({ id: first.id });
    expect(JSON.stringify(again)).not.toContain(access_token);
  });

  it("refuses what it cannot bind", async () => {
    const { name } = await createServeSecret(coffer);
    const ruleless = await createSecret(coffer);
    const withSecrets = (secrets: object) => failure("/sandboxes", { json: { name: "no", secrets } });
    for (const none of ["nothing", ruleless.name]) {
      expect(await withSecrets({ A: name, B: none })).toEqual({
        error: "400 secret_not_found",
        message: 'secrets["B"]: the secret is not found',
      });
    }
    const many = Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`K${i}`, name]));
    for (const bad of [many, { "1A": name }, { "A-B": name }, { A: 5 }]) {
      expect(await withSecrets(bad)).toMatchObject({
        error: "400 bad_request",
        message: expect.stringContaining("secrets"),
      });
    }
    for (const bad of [{ cpu: 2 }, { envVars: {} }, { env_vars: [] }, { name: "" }, { name: "n".repeat(65) }]) {
      const json = { name: "no", ...bad };
      expect(await failure("/sandboxes", { json })).toMatchObject({ error: "400 bad_request" });
    }
    expect(await coffer.sql("select 1 from sandbox where name = 'no'")).toEqual([]);
  });
});

describe("POST /sandboxes/{id}/secrets", () => {
  it("answers 201, once for one idempotency key", async () => {
    const { name } = await createServeSecret(coffer);
    const { id } = await createSandbox();
    const init = { json: { env_key: "KEY", secret_name: name }, headers: { "idempotency-key": newName() } };
    const response = await serve(coffer, `/sandboxes/${id}/secrets`, init);
    const binding = await response.json();
    const placeholder = expect.stringMatching(/^sk-proj-\w{64}$/);
    expect([response.status, binding]).toEqual([201, { env_key: "KEY", secret_name: name, placeholder }]);
    expect(await served(coffer, `/sandboxes/${id}/secrets`, init)).toEqual(binding);
  });

  it("refuses unknown secrets, bad keys and fields, a taken key, a 33rd secret and an unknown sandbox", async () => {
    const { name } = await createServeSecret(coffer);
    const { id } = await createSandbox();
    const bind = (json: object, to = id) => failure(`/sandboxes/${to}/secrets`, { json });
    expect(await bind({ env_key: "K", secret_name: "nothing" })).toEqual({
      error: "400 secret_not_found",
      message: "secret_name: the secret is not found",
    });
    expect(await bind({})).toMatchObject({
      error: "400 bad_request",
      message: expect.stringMatching(/env_key: .*; secret_name: /),
    });
    const bad = [
      { secret_name: name },
      { env_key: "K" },
      { env_key: "1K", secret_name: name },
      { env_key: "K", secret_name: name, x: 1 },
    ];
    for (const json of bad) expect(await bind(json)).toMatchObject({ error: "400 bad_request" });
    for (const to of [unknown, "x"]) {
      expect(await bind({ env_key: "K", secret_name: name }, to)).toMatchObject({ error: "404 not_found" });
    }
    const path = `/sandboxes/${id}/secrets`;
    for (let i = 0; i < 32; i++) await served(coffer, path, { json: { env_key: `K${i}`, secret_name: name } });
    expect(await bind({ env_key: "K0", secret_name: name })).toMatchObject({ error: "409 conflict" });
    expect(await bind({ env_key: "K32", secret_name: name })).toMatchObject({ error: "400 bad_request" });
  });
});

it("a name of JavaScript's own is a name like any other", async () => {
  const secrets: object[] = [];
  for (const own of ["__proto__", "constructor", "toString"]) {
    const { name } = await createServeSecret(coffer, { name: own });
    const body = `{"name":"box","secrets":{"${own}":"${name}"}}`;
    const made = await served<ServeSandbox>(coffer, "/sandboxes", { body });
    secrets.push(...made.secrets.map(({ env_key, secret_name }) => [env_key, secret_name]));
    await served(coffer, `/sandboxes/${made.id}/secrets/${own}`, { method: "DELETE" });
    await served(coffer, `/secrets/${own}`, { method: "DELETE" });
  }
  expect(secrets).toEqual(["__proto__", "constructor", "toString"].map((own) => [own, own]));
});

it("a secret that is deleted leaves its name, and its bindings revoked", async () => {
  const { name } = await createServeSecret(coffer);
  const { id } = await createSandbox({ secrets: { KEY: name } });
  await served(coffer, `/secrets/${name}`, { method: "DELETE" });
  const bind = { json: { env_key: "OTHER", secret_name: name } };
  expect(await failure(`/sandboxes/${id}/secrets`, bind)).toMatchObject({ error: "400 secret_not_found" });
  await createServeSecret(coffer, { name });
  await served(coffer, `/sandboxes/${id}/secrets`, bind);
  expect(await served(coffer, `/sandboxes/${id}`)).toMatchObject({
    secrets: [
      { env_key: "KEY", secret_name: name, revoked: true },
      { env_key: "OTHER", secret_name: name, revoked: false },
    ],
  });
  expect(await served(coffer, `/secrets/${name}/sandboxes`)).toMatchObject([{ sandbox_id: id, env_key: "OTHER" }]);
});

describe("calls at the same time", () => {
  const statuses = async (calls: Promise<Response>[]) =>
    (await Promise.all(calls)).map(({ status }) => status).toSorted((a, b) => a - b);
  const eight = <T>(make: (i: number) => T) => Array.from({ length: 8 }, (_, i) => make(i));

  it("one of those with one name makes it", async () => {
    const json = { name: newName("K"), value: "v", provider: "openai" };
    expect(await statuses(eight(() => serve(coffer, "/secrets", { json })))).toEqual([201, ...Array(7).fill(409)]);
  });

  it("one of those for one variable binds it, and one of those for the last place", async () => {
    const { name } = await createServeSecret(coffer);
    const most = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`K${i}`, name]));
    const { id } = await createSandbox({ secrets: most });
    const bind = (env_key: string) =>
      serve(coffer, `/sandboxes/${id}/secrets`, { json: { env_key, secret_name: name } });
    expect(await statuses(eight(() => bind("SAME")))).toEqual([201, ...Array(7).fill(409)]);
    expect(await statuses(eight((i) => bind(`LAST${i}`)))).toEqual([201, ...Array(7).fill(400)]);
  });
});

describe("DELETE", () => {
  it("lets go of a secret, and then finds none", async () => {
    const { name } = await createServeSecret(coffer);
    const { id } = await createSandbox({ secrets: { KEY: name } });
    const init = { method: "DELETE" };
    expect((await serve(coffer, `/sandboxes/${id}/secrets/KEY`, init)).status).toBe(204);
    expect(await served(coffer, `/sandboxes/${id}`)).toMatchObject({ secrets: [] });
    expect(await served(coffer, `/secrets/${name}/sandboxes`)).toEqual([]);
    expect(await failure(`/sandboxes/${id}/secrets/KEY`, init)).toMatchObject({ error: "404 not_found" });
  });

  it("ends a sandbox, and then finds none", async () => {
    const { id } = await createSandbox();
    const init = { method: "DELETE", headers: { "idempotency-key": newName() } };
    expect((await serve(coffer, `/sandboxes/${id}`, init)).status).toBe(204);
    expect((await serve(coffer, `/sandboxes/${id}`, init)).status).toBe(204);
    for (const path of [`/sandboxes/${id}`, `/sandboxes/${unknown}`, "/sandboxes/x"]) {
      for (const each of [{}, { method: "DELETE" }])
        expect(await failure(path, each)).toMatchObject({ error: "404 not_found" });
    }
  });
});

it("a rule that SQL has changed binds nothing: 500", async () => {
  const { name, id } = await createServeSecret(coffer);
  const sandbox = await createSandbox();
  await coffer.sql(
    `update secret set egress_rule = jsonb_set(egress_rule, '{hosts,0}', '"evil.example.net"') where secret_id = $1`,
    [idOfUuid("sec", id)],
  );
  const json = { env_key: "K", secret_name: name };
  expect(await failure(`/sandboxes/${sandbox.id}/secrets`, { json })).toMatchObject({ error: "500 internal_error" });
  expect(await failure("/sandboxes", { json: { name: "box", secrets: { K: name } } })).toMatchObject({
    error: "500 internal_error",
  });
});
