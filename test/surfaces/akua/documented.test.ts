// Akua's documented requests, sent as they are written but for host and token, and their documented answers.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { AkuaSecret } from "../../support/akua.ts";
import { useCoffer } from "../../support/coffer.ts";
import { readRequestFile, sendRaw } from "../../support/raw-http.ts";

const coffer = useCoffer();

const documented = (name: string) => new URL(`documented/${name}`, import.meta.url);
const documentedSecret = JSON.parse(readFileSync(documented("secret.json"), "utf8")) as Record<string, unknown>;

function send(file: string, variables: Record<string, string> = {}) {
  const { host } = new URL(coffer.url);
  return sendRaw(coffer.url, readRequestFile(documented(file), { host, token: coffer.ownerToken, ...variables }));
}

/** The secret in an answer, which must have each documented field, in the documented type or null, and no other. */
function secretIn(body: string): AkuaSecret {
  const secret = JSON.parse(body) as Record<string, unknown>;
  expect(Object.keys(secret).sort()).toEqual(Object.keys(documentedSecret).sort());
  for (const [field, example] of Object.entries(documentedSecret)) {
    if (secret[field] !== null) expect([field, typeof secret[field]]).toEqual([field, typeof example]);
    if (typeof example === "number" && secret[field] !== null) expect(secret[field]).toSatisfy(Number.isInteger);
  }
  return secret as unknown as AkuaSecret;
}

const now = () => Math.floor(Date.now() / 1000);

describe("succeeds", () => {
  it("through a secret's life: created, shown, deleted, undeleted", async () => {
    const created = await send("create-secret.http");
    expect(created.status).toBe(201);
    expect(created.headers["content-type"]).toBe("application/json");
    const secret = secretIn(created.body);
    expect(created.headers["etag"]).toBe(`"${secret.etag}"`);
    expect(secret).toEqual({
      id: expect.stringMatching(/^sec_[0-9a-z]{26}$/),
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
      mime_type: null,
      version_aliases: {},
      deleted_at: null,
      purge_at: null,
      expire_time: null,
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
  });

  it("with one idempotency key twice: the same secret, no second one", async () => {
    const first = await send("create-credential.http");
    const second = await send("create-credential.http");
    expect([first.status, second.status]).toEqual([201, 201]);
    expect(secretIn(second.body)).toEqual(secretIn(first.body));
    expect(first.headers).not.toHaveProperty("idempotency-replayed");
    expect(second.headers["idempotency-replayed"]).toBe("true");
    expect(secretIn(first.body).validation).toEqual({ state: "unspecified", validated_at: 0, error: null });
    expect(await coffer.sql("select count(*)::int as count from secret where name = 'prod'")).toEqual([{ count: 1 }]);
  });
});
