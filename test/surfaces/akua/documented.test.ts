// Akua's documented requests, sent as they are written but for host and token, and their documented answers.
import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import {
  type AkuaSecret,
  type AkuaVersion,
  createAkuaSecret,
  deleteAkuaSecret,
  getAkuaSecret,
} from "../../support/akua.ts";
import { startCoffer, useCoffer } from "../../support/coffer.ts";
import { readRequestFile, sendRaw } from "../../support/raw-http.ts";

const coffer = useCoffer();

const documented = (name: string) => new URL(`documented/${name}`, import.meta.url);
function send(file: string, variables: Record<string, string> = {}) {
  const { host } = new URL(coffer.url);
  return sendRaw(coffer.url, readRequestFile(documented(file), { host, token: coffer.ownerToken, ...variables }));
}

// The contract holds the fields and types of every answer; see test/contracts.
const secretIn = (body: string) => JSON.parse(body) as AkuaSecret;
const versionIn = (body: string) => JSON.parse(body) as AkuaVersion;

/** The items of a page, which must have the documented fields and no others. */
function pageIn(body: string): { data: Record<string, unknown>[] } {
  const page = JSON.parse(body) as { data: Record<string, unknown>[]; has_more: unknown; next_cursor: unknown };
  expect(page).toEqual({ data: expect.any(Array), has_more: false, next_cursor: null });
  return page;
}

const now = () => Math.floor(Date.now() / 1000);

/** Runs the curl of a document with only host, token and placeholders changed. */
async function runCurl(file: string, changes: Record<string, string>): Promise<AkuaSecret> {
  const all = { "https://api.akua.dev": coffer.url, "<token>": coffer.ownerToken, ...changes };
  let script = readFileSync(documented(file), "utf8");
  for (const [shown, real] of Object.entries(all)) script = script.replaceAll(shown, real);
  const { stdout } = await promisify(execFile)("bash", ["-c", script.replace("curl", "curl -sS --fail")]);
  return JSON.parse(stdout) as AkuaSecret;
}

describe("the curl of the document", () => {
  it("creates a secret, and undeletes it", async () => {
    const secret = await runCurl("create-secret.sh", { '"name": "<string>"': '"name": "by curl"' });
    expect(secret).toMatchObject({ name: "by curl", kind: "generic", description: "<string>", labels: {} });
    await deleteAkuaSecret(coffer, secret);
    const { etag } = await getAkuaSecret(coffer, secret);
    const restored = await runCurl("undelete-secret.sh", { "{id}": secret.id, "<if-match>": etag });
    expect(restored).toMatchObject({ id: secret.id, state: "active" });
  });
});

describe("succeeds", () => {
  it("through a secret's life: created, shown, deleted, undeleted, changed, deleted for good", async () => {
    const created = await send("create-secret.http");
    expect(created.status).toBe(201);
    expect(created.headers["content-type"]).toBe("application/json");
    const secret = secretIn(created.body);
    expect(created.headers["etag"]).toBe(`"${secret.etag}"`);
    expect(secret).toEqual({
      id: expect.stringMatching(/^sec_[0-9a-z]{26}$/),
      html_url: `${coffer.url}/v1/secrets/${secret.id}`,
      workspace_id: expect.stringMatching(/^ws_[0-9a-z]{26}$/),
      name: "<string>",
      kind: "generic",
      state: "active",
      validation: null,
      version_count: 1,
      enabled_version_count: 1,
      created_at: secret.updated_at,
      updated_at: secret.created_at,
      etag: "1",
      description: "<string>",
      labels: {},
      version_aliases: {},
    });
    expect(Math.abs(secret.created_at - now())).toBeLessThanOrEqual(2);

    const shown = await send("get-secret.http", { id: secret.id });
    expect(shown).toMatchObject({ status: 200, headers: { etag: `"1"` } });
    expect(secretIn(shown.body)).toEqual(secret);

    const deleted = await send("delete-secret.http", { id: secret.id, etag: secret.etag });
    expect(deleted).toMatchObject({ status: 204, body: "" });
    const gone = secretIn((await send("get-secret.http", { id: secret.id })).body);
    expect(gone).toMatchObject({
      ...secret,
      state: "soft_deleted",
      etag: "2",
      updated_at: gone.deleted_at,
      deleted_at: gone.updated_at,
      purge_at: gone.updated_at + 30 * 86_400,
    });

    const undeleted = await send("undelete-secret.http", { id: secret.id, etag: gone.etag });
    expect(undeleted.status).toBe(200);
    const restored = secretIn(undeleted.body);
    expect(restored).toEqual({ ...secret, etag: "3", updated_at: restored.updated_at });
    expect(undeleted.headers["etag"]).toBe('"3"');

    const updated = await send("update-secret.http", { id: secret.id, etag: "3" });
    expect(updated).toMatchObject({ status: 200, headers: { etag: '"4"' } });
    const changed = secretIn(updated.body);
    expect(changed).toEqual({
      ...restored,
      mime_type: "<string>",
      version_aliases: { stable: 1 },
      etag: "4",
      updated_at: changed.updated_at,
    });

    expect(await send("delete-secret-by-force.http", { id: secret.id, etag: "4" })).toMatchObject({
      status: 204,
      body: "",
    });
    const { etag } = secretIn((await send("get-secret.http", { id: secret.id })).body);
    expect((await send("undelete-secret.http", { id: secret.id, etag })).status).toBe(404);
  });

  it("through a version's life: created, shown, disabled, enabled, read, destroyed", async () => {
    const { id } = secretIn((await send("create-secret.http")).body);
    const created = await send("create-version.http", { id, key: "create-version" });
    expect(created).toMatchObject({ status: 201, headers: { etag: '"1"', "content-type": "application/json" } });
    const version = versionIn(created.body);
    expect(version).toEqual({
      id: expect.stringMatching(/^secv_[0-9a-z]{26}$/),
      secret_id: id,
      version_number: 2,
      state: "enabled",
      comment: "<string>",
      created_at: version.created_at,
      etag: "1",
    });
    expect(Math.abs(version.created_at - now())).toBeLessThanOrEqual(2);
    const about = { id, vid: version.id };

    const shown = await send("get-version.http", about);
    expect(shown).toMatchObject({ status: 200, headers: { etag: '"1"' } });
    expect(versionIn(shown.body)).toEqual(version);
    const listed = await send("list-versions.http", about);
    expect(listed.status).toBe(200);
    const [newest, first] = pageIn(listed.body).data;
    expect(newest).toEqual(version);
    expect(first).toMatchObject({ version_number: 1 });
    expect(first).not.toHaveProperty("comment");

    const disabled = await send("disable-version.http", { ...about, etag: "1" });
    expect(disabled).toMatchObject({ status: 200, headers: { etag: '"2"' } });
    expect(versionIn(disabled.body)).toEqual({ ...version, state: "disabled", etag: "2" });
    expect((await send("access-version.http", about)).status).toBe(409);
    const enabled = await send("enable-version.http", { ...about, etag: "2", key: "enable-version" });
    expect(enabled).toMatchObject({ status: 200, headers: { etag: '"3"' } });
    expect(versionIn(enabled.body)).toEqual({ ...version, etag: "3" });

    const read = await send("access-version.http", about);
    expect(read).toMatchObject({ status: 200, headers: { "cache-control": "no-store" } });
    expect(JSON.parse(read.body)).toEqual({ value: "<string>" });

    const destroyed = await send("destroy-version.http", { ...about, etag: "3" });
    expect(destroyed).toMatchObject({ status: 200, headers: { etag: '"4"' } });
    const { destroyed_at: destroyedAt } = versionIn(destroyed.body);
    expect(destroyedAt).toBeGreaterThanOrEqual(version.created_at);
    expect(versionIn(destroyed.body)).toEqual({ ...version, state: "destroyed", etag: "4", destroyed_at: destroyedAt });
    expect((await send("access-version.http", about)).status).toBe(410);
    const { etag } = secretIn((await send("get-secret.http", { id })).body);
    expect((await send("delete-secret-by-force.http", { id, etag })).status).toBe(204);
  });

  it.each(readdirSync(documented("kinds/")))("makes a secret of each kind: %s", async (file) => {
    const created = await send(`kinds/${file}`);
    expect(created.status).toBe(201);
    const secret = secretIn(created.body);
    const isCredential = secret.kind !== "generic" && secret.kind !== "webhook_signing";
    expect(secret.validation).toEqual(isCredential ? { state: "unspecified", validated_at: 0 } : null);
    const { body } = await send("access-version.http", { id: secret.id, vid: "current" });
    expect(JSON.parse(body)).toEqual({ value: file.startsWith("webhook") ? "0123456789abcdef" : "<string>" });
  });

  it("with one idempotency key twice: the same secret, no second one", async () => {
    const first = await send("create-credential.http");
    const second = await send("create-credential.http");
    expect([first.status, second.status]).toEqual([201, 201]);
    expect(secretIn(second.body)).toEqual(secretIn(first.body));
    expect(first.headers).not.toHaveProperty("idempotency-replayed");
    expect(second.headers["idempotency-replayed"]).toBe("true");
    expect(await coffer.sql("select count(*)::int as count from secret where name = 'prod'")).toEqual([{ count: 1 }]);
  });

  it("with the console's address of a secret, where one is configured", async () => {
    const withConsole = await startCoffer({ besides: coffer, env: { COFFER_CONSOLE_URL: "https://c.example/app/" } });
    try {
      const secret = await createAkuaSecret(withConsole);
      const htmlUrl = `https://c.example/app/secrets/${secret.id}`;
      expect(secret).toMatchObject({ html_url: htmlUrl });
      expect(await getAkuaSecret(withConsole, secret)).toEqual(secret);
      const page = await (await withConsole.fetch("/v1/secrets")).json();
      expect(page).toMatchObject({ data: expect.arrayContaining([expect.objectContaining({ html_url: htmlUrl })]) });
      const own = { ...secret, html_url: `${coffer.url}/v1/secrets/${secret.id}` };
      expect(await getAkuaSecret(coffer, secret)).toEqual(own);
    } finally {
      await withConsole.close();
    }
  });

  it("lists the secrets of a kind, each as it is shown alone", async () => {
    const listed = await send("list-secrets.http");
    expect(listed.status).toBe(200);
    const { data } = pageIn(listed.body);
    expect(data.map(({ name }) => name)).toEqual(["documented/hcloud", "prod"]);
    for (const secret of data) {
      const { body } = await send("get-secret.http", { id: String(secret["id"]) });
      expect(secret).toEqual(secretIn(body));
    }
  });
});
