// GET, PATCH and the versions of Akua's surface refuse bad bodies and queries, on the real servers.
import { describe, expect, it } from "vitest";
import { addAkuaVersion, akuaFailure, createAkuaSecret, getAkuaSecret } from "../../support/akua.ts";
import { allOf } from "../../support/akua-routes.ts";
import { useCoffer } from "../../support/coffer.ts";

const coffer = useCoffer();
const canary = "canary-5d2e";
const long = (length: number) => canary.repeat(length).slice(0, length);

describe("PATCH /v1/secrets/{id} rejects", () => {
  it.each<[string, string, object]>([
    ["name", "empty", { name: "" }],
    ["name", "of 201 characters", { name: long(201) }],
    ["name", "with an empty segment", { name: "a//b" }],
    ["name", "of another type", { name: 7 }],
    ["description", "of 501 characters", { description: long(501) }],
    ["description", "of another type", { description: [canary] }],
    ["labels", "of another type", { labels: [canary] }],
    ["labels/k", "of 201 characters", { labels: { k: long(201) } }],
    ["labels/k", "that is null", { labels: { k: null } }],
    ["labels/k", "of another type", { labels: { k: 1 } }],
    ["labels", "that are too many", { labels: Object.fromEntries([...Array(65).keys()].map((k) => [`k${k}`, ""])) }],
    ["mime_type", "of 101 characters", { mime_type: long(101) }],
    ["mime_type", "of another type", { mime_type: true }],
    ["version_aliases", "of another type", { version_aliases: "stable" }],
    ["version_aliases/stable", "that is 0", { version_aliases: { stable: 0 } }],
    ["version_aliases/stable", "below 0", { version_aliases: { stable: -1 } }],
    ["version_aliases/stable", "that is no whole number", { version_aliases: { stable: 1.5 } }],
    ["version_aliases/stable", "written as text", { version_aliases: { stable: "1" } }],
    ["version_aliases/stable", "that is a version's id", { version_aliases: { stable: "secv_1" } }],
    ["version_aliases/stable", "of a version that never was", { version_aliases: { stable: 3 } }],
    ["version_aliases/latest", "which means something already", { version_aliases: { latest: 1 } }],
    ["version_aliases/No alias", "as a name", { version_aliases: { "No alias": 1 } }],
    ["kind", "which never changes", { kind: "generic" }],
    ["value", "which versions change", { value: canary }],
    ["mimeType", "that is no field", { mimeType: "text/plain" }],
    ["versionAliases", "that is no field", { versionAliases: {} }],
    ["update_mask", "that is no field", { update_mask: "name" }],
    ["updateMask", "that is no field", { updateMask: 7 }],
    ["etag", "that is no field", { etag: "1" }],
    ["expire_time", "that is no field", { expire_time: 1 }],
    ["id", "that the path gives", { id: "sec_1" }],
    ["constructor", "that is no field", { constructor: canary }],
  ])("%s %s: 400, the path names it, and nothing is changed", async (path, _, json) => {
    const secret = await createAkuaSecret(coffer);
    await addAkuaVersion(coffer, secret, "v2");
    const before = await getAkuaSecret(coffer, secret);
    const init = { method: "PATCH", headers: { "if-match": before.etag }, json };
    const failure = await akuaFailure(coffer, `/v1/secrets/${secret.id}`, init);
    expect(failure).toMatchObject({ status: 400, reason: "FIELD_INVALID" });
    expect([...new Set(failure.paths)]).toEqual([path]);
    expect(failure.text).not.toContain("canary");
    expect(await getAkuaSecret(coffer, secret)).toEqual(before);
  });

  it("all broken rules at once", async () => {
    const secret = await createAkuaSecret(coffer);
    const json = { name: "", description: long(501), mime_type: long(101), version_aliases: { a: 0 } };
    const init = { method: "PATCH", headers: { "if-match": secret.etag }, json };
    const failure = await akuaFailure(coffer, `/v1/secrets/${secret.id}`, init);
    expect(failure.paths.sort()).toEqual(["description", "mime_type", "name", "version_aliases/a"]);
  });

  it.each(["[]", '"x"', "7", "{", '{"name": "a", "name": "b"}'])("the body %s: 400", async (body) => {
    const secret = await createAkuaSecret(coffer);
    const init = { method: "PATCH", headers: { "if-match": secret.etag }, body };
    const failure = await akuaFailure(coffer, `/v1/secrets/${secret.id}`, init);
    expect(failure).toMatchObject({ status: 400, reason: "REQUEST_MALFORMED" });
  });
});

describe("POST /v1/secrets/{id}/versions rejects", () => {
  it.each<[string, string, object]>([
    ["value", "missing", {}],
    ["value", "null", { value: null }],
    ["value", "empty", { value: "" }],
    ["value", "of another type", { value: 7 }],
    ["value", "of more than 65,536 bytes", { value: long(65_537) }],
    ["comment", "of 201 characters", { value: "v", comment: long(201) }],
    ["comment", "of another type", { value: "v", comment: {} }],
    ["aws_access_key_id", "that is no field", { value: "v", aws_access_key_id: canary }],
    ["version_number", "that is no field", { value: "v", version_number: 2 }],
    ["id", "that the path gives", { value: "v", id: "sec_1" }],
  ])("%s %s: 400, the path names it, and no version is made", async (path, _, json) => {
    const secret = await createAkuaSecret(coffer);
    const before = await allOf(coffer, secret);
    const failure = await akuaFailure(coffer, `/v1/secrets/${secret.id}/versions`, { json });
    expect(failure).toMatchObject({ status: 400, reason: "FIELD_INVALID", paths: [path] });
    expect(failure.text).not.toContain("canary");
    expect(await allOf(coffer, secret)).toEqual(before);
  });

  it("a value of 15 characters for webhook_signing, and takes one of 16", async () => {
    const { id } = await createAkuaSecret(coffer, { kind: "webhook_signing", value: "😀".repeat(16) });
    const failure = await akuaFailure(coffer, `/v1/secrets/${id}/versions`, { json: { value: "😀".repeat(15) } });
    expect(failure).toMatchObject({ status: 400, paths: ["value"] });
    expect(await addAkuaVersion(coffer, { id }, "😀".repeat(16))).toMatchObject({ version_number: 2 });
  });

  it("a comment of more than 200 characters only, counted as characters", async () => {
    const { id } = await createAkuaSecret(coffer);
    const json = { value: "v", comment: "😀".repeat(200) };
    const response = await coffer.fetch(`/v1/secrets/${id}/versions`, { json });
    expect(await response.json()).toMatchObject({ comment: json.comment });
  });
});

describe("the lists reject", () => {
  const both = ["/v1/secrets", "/v1/secrets/{id}/versions"];
  const wrong = [
    ["limit=0", "limit"],
    ["limit=101", "limit"],
    ["limit=-1", "limit"],
    ["limit=1.5", "limit"],
    ["limit=ten", "limit"],
    ["limit=", "limit"],
    ["limit=1&limit=2", "limit"],
    [`cursor=${canary}`, "cursor"],
    [`cursor=${"c".repeat(4097)}`, "cursor"],
    ["cursor=a&cursor=b", "cursor"],
    ["page_token=x", "page_token"],
    ["pageToken=x", "pageToken"],
  ] as const;

  it.each<[string, string, string]>([
    ...both.flatMap((path) => wrong.map(([query, field]) => [path, query, field] as [string, string, string])),
    ["/v1/secrets", `kind=${"k".repeat(64)}`, "kind"],
    ["/v1/secrets", "kind=generic&kind=generic", "kind"],
    ["/v1/secrets", "state=active", "state"],
    ["/v1/secrets/{id}/versions", "state=", "state"],
    ["/v1/secrets/{id}/versions", "state=ENABLED", "state"],
    ["/v1/secrets/{id}/versions", "state=gone", "state"],
    ["/v1/secrets/{id}/versions", "state=enabled&state=disabled", "state"],
    ["/v1/secrets/{id}/versions", "kind=generic", "kind"],
    ["/v1/secrets/{id}/versions", "id=sec_1", "id"],
  ])("%s?%s: 400, and the path names it", async (path, query, field) => {
    const { id } = await createAkuaSecret(coffer);
    const failure = await akuaFailure(coffer, `${path.replace("{id}", id)}?${query}`, {});
    expect(failure).toMatchObject({ status: 400, reason: "FIELD_INVALID", paths: [field] });
    expect(failure.text).not.toContain("canary");
  });

  it("the cursor of another list, or of another query: 400", async () => {
    const secret = await createAkuaSecret(coffer);
    await addAkuaVersion(coffer, secret, "v2");
    const versions = `/v1/secrets/${secret.id}/versions`;
    await createAkuaSecret(coffer);
    const cursorOf = async (path: string) => {
      const { next_cursor } = (await (await coffer.fetch(path)).json()) as { next_cursor: string };
      return encodeURIComponent(next_cursor);
    };
    const ofSecrets = await cursorOf("/v1/secrets?limit=1");
    for (const path of [
      `${versions}?cursor=${ofSecrets}`,
      `/v1/secrets?kind=generic&cursor=${ofSecrets}`,
      `/v1/secrets?cursor=${await cursorOf(`${versions}?limit=1`)}`,
      `${versions}?state=enabled&cursor=${await cursorOf(`${versions}?limit=1`)}`,
    ]) {
      expect(await akuaFailure(coffer, path, {})).toMatchObject({ status: 400, paths: ["cursor"] });
    }
  });
});
