// Each call of Akua's command line client, written as that client writes it: the colon of a verb as %3A, empty options sent along.
import { describe, expect, it } from "vitest";
import { type AkuaPage, type AkuaSecret, type AkuaVersion, bodyOf, createAkuaSecret } from "../../support/akua.ts";
import { useCoffer } from "../../support/coffer.ts";
import { newName } from "../../support/secrets.ts";

const coffer = useCoffer({ env: { COFFER_TRUSTED_PROXIES: "127.0.0.1" } });

// As its HTTP library does, which sends these with every call.
const always = { Accept: "application/json", "User-Agent": "akua-cli/1", "Accept-Encoding": "gzip, br" };

function send(method: string, path: string, json?: unknown, headers: Record<string, string> = {}) {
  const init = { method, headers: { ...always, ...headers } };
  return coffer.fetch(`/v1/secrets${path}`, json === undefined ? init : { ...init, json });
}

describe("Akua's command line client", () => {
  it("creates a secret as its document's curl does, without a kind", async () => {
    const json = { name: newName("cli"), value: "v", description: "text", labels: {} };
    const secret = await bodyOf<AkuaSecret>(await send("POST", "", json), 201);
    expect(secret).toMatchObject({
      kind: "generic",
      validation: null,
      html_url: `${coffer.url}/v1/secrets/${secret.id}`,
    });
  });

  it.each([
    ["generic", {}],
    ["cloud_provider/aws", { aws_access_key_id: "AKIA" }],
    ["oci_registry", { username: "robot" }],
  ])("creates a secret of kind %s with empty options for the rest", async (kind, given) => {
    const json = {
      name: newName("cli"),
      kind,
      value: "v",
      description: "",
      labels: {},
      aws_access_key_id: "",
      username: "",
    };
    const secret = await bodyOf<AkuaSecret>(await send("POST", "", { ...json, ...given }), 201);
    expect(secret.kind).toBe(kind);
    expect(secret).not.toHaveProperty("description");
  });

  it("lists, with an empty filter too", async () => {
    await createAkuaSecret(coffer);
    for (const query of ["", "?limit=1", "?kind=&limit=100", "?kind=generic"]) {
      const { data } = await bodyOf<AkuaPage<AkuaSecret>>(await send("GET", query));
      expect(data.length).toBeGreaterThan(0);
    }
  });

  it("gets, updates, deletes and undeletes", async () => {
    const made = await createAkuaSecret(coffer);
    const shown = await bodyOf<AkuaSecret>(await send("GET", `/${made.id}`));
    const change = { description: "d", version_aliases: { Prod: 1, "v1.0": 1 } };
    const changed = await bodyOf<AkuaSecret>(await send("PATCH", `/${made.id}`, change, { "If-Match": shown.etag }));
    expect(changed).toMatchObject(change);
    const deleted = await send("DELETE", `/${made.id}?force=`, undefined, { "If-Match": changed.etag });
    expect([deleted.status, await deleted.text()]).toEqual([204, ""]);
    const gone = await bodyOf<AkuaSecret>(await send("GET", `/${made.id}`));
    const headers = { "If-Match": gone.etag, "Idempotency-Key": newName("key") };
    const undeleted = await bodyOf<AkuaSecret>(await send("POST", `/${made.id}%3Aundelete`, undefined, headers));
    expect(undeleted).toMatchObject({ state: "active", ...change });
    const forced = await send("DELETE", `/${made.id}?force=true`, undefined, { "If-Match": undeleted.etag });
    expect(forced.status).toBe(204);
  });

  it("adds, lists, gets, disables, enables, reads and destroys a version", async () => {
    const { id } = await createAkuaSecret(coffer);
    const path = `/${id}/versions`;
    const body = { value: "v2", comment: "" };
    const added = await bodyOf<AkuaVersion>(await send("POST", path, body, { "Idempotency-Key": newName("key") }), 201);
    expect(added).not.toHaveProperty("comment");
    expect((await bodyOf<AkuaPage<AkuaVersion>>(await send("GET", `${path}?limit=50`))).data).toHaveLength(2);
    expect(await bodyOf(await send("GET", `${path}/${added.id}`))).toEqual(added);
    const change = async (verb: string, { etag }: AkuaVersion) =>
      bodyOf<AkuaVersion>(await send("POST", `${path}/${added.id}%3A${verb}`, undefined, { "If-Match": etag }));
    const disabled = await change("disable", added);
    const enabled = await change("enable", disabled);
    for (const name of ["latest", "current", added.id]) {
      expect(await bodyOf(await send("POST", `${path}/${name}%3Aaccess`))).toEqual({ value: "v2" });
      expect(await bodyOf(await send("POST", `${path}/${name}%3aaccess`))).toEqual({ value: "v2" });
    }
    expect(await change("destroy", enabled)).toMatchObject({ state: "destroyed" });
    expect((await send("POST", `${path}/${added.id}%3Aaccess`)).status).toBe(410);
  });

  it("reads a version by an alias as people write them", async () => {
    const { id, etag } = await createAkuaSecret(coffer);
    const aliases = { Prod: 1, "v1.0": 1, "2024-06": 1 };
    await bodyOf(await send("PATCH", `/${id}`, { version_aliases: aliases }, { "If-Match": etag }));
    for (const alias of Object.keys(aliases)) {
      expect(await bodyOf(await send("POST", `/${id}/versions/${alias}%3Aaccess`))).toEqual({ value: "v1" });
    }
  });
});

describe("rejects", () => {
  it.each(["latest", "Latest ", "7", "-a", "", "a/b", "a:b", "é"])(
    "%j as an alias: 400 that names it",
    async (alias) => {
      const { id, etag } = await createAkuaSecret(coffer);
      const response = await send("PATCH", `/${id}`, { version_aliases: { [alias]: 1 } }, { "If-Match": etag });
      expect(response.status).toBe(400);
      const { errors } = (await response.json()) as { errors: { path: string[]; message: string }[] };
      expect(errors.map(({ path }) => path)).toEqual([["version_aliases", alias]]);
    },
  );

  it("an alias of 129 characters: 400", async () => {
    const { id, etag } = await createAkuaSecret(coffer);
    const aliases = { version_aliases: { ["a".repeat(129)]: 1 } };
    expect((await send("PATCH", `/${id}`, aliases, { "If-Match": etag })).status).toBe(400);
  });

  it("a verb that is encoded twice, or a path with an encoded slash", async () => {
    const { id, etag } = await createAkuaSecret(coffer);
    const headers = { "If-Match": etag };
    expect((await send("POST", `/${id}%253Aundelete`, undefined, headers)).status).toBe(405);
    expect((await send("POST", `/${id}%2Fversions`, {}, headers)).status).toBe(400);
  });
});

describe("html_url", () => {
  it("is https behind a trusted proxy that says so", async () => {
    const made = await createAkuaSecret(coffer);
    const response = await send("GET", `/${made.id}`, undefined, { "X-Forwarded-Proto": "https" });
    const { html_url: htmlUrl } = await bodyOf<AkuaSecret>(response);
    expect(htmlUrl).toBe(made.html_url.replace("http:", "https:"));
  });
});
