// Akua's lists page by page, and PATCH field by field, on the real servers.
import { describe, expect, it } from "vitest";
import {
  type AkuaPage,
  type AkuaSecret,
  type AkuaVersion,
  addAkuaVersion,
  bodyOf,
  createAkuaSecret,
  deleteAkuaSecret,
} from "../../support/akua.ts";
import { otherWorkspace } from "../../support/broad-token.ts";
import { useCoffer } from "../../support/coffer.ts";

const coffer = useCoffer();

/** All pages of a list, and how many items each had. */
async function pagesOf<T>(path: string, token: string): Promise<{ items: T[]; sizes: number[] }> {
  const items: T[] = [];
  const sizes: number[] = [];
  for (let cursor: string | null = ""; cursor !== null; ) {
    const query = `${path.includes("?") ? "&" : "?"}cursor=${encodeURIComponent(cursor)}`;
    const page: AkuaPage<T> = await bodyOf(await coffer.fetch(path + query, { token }));
    expect(Object.keys(page)).toEqual(["data", "has_more", "next_cursor"]);
    expect(page.has_more).toBe(page.next_cursor !== null);
    items.push(...page.data);
    sizes.push(page.data.length);
    cursor = page.next_cursor;
  }
  return { items, sizes };
}

describe("GET /v1/secrets", () => {
  it("shows every active secret once, by name, 50 to a page unless told otherwise", async () => {
    const { ownerToken: token } = await otherWorkspace(coffer);
    const names = Array.from({ length: 51 }, (_, index) => `n${String(index).padStart(3, "0")}`);
    for (const name of names.toReversed()) {
      const json = { name, kind: name.endsWith("0") ? "oci_registry" : "generic", value: "v" };
      await bodyOf(await coffer.fetch("/v1/secrets", { token, json }), 201);
    }
    const listed = async (query: string) => {
      const { items, sizes } = await pagesOf<AkuaSecret>(`/v1/secrets${query}`, token);
      return { names: items.map(({ name }) => name), sizes };
    };
    expect(await listed("")).toEqual({ names, sizes: [50, 1] });
    expect(await listed("?limit=100")).toEqual({ names, sizes: [51] });
    expect(await listed("?limit=17")).toEqual({ names, sizes: [17, 17, 17] });
    const registries = names.filter((name) => name.endsWith("0"));
    expect(await listed("?kind=oci_registry&limit=4")).toEqual({ names: registries, sizes: [4, 2] });
    expect(await listed("?kind=cloud_credential")).toEqual({ names: [], sizes: [0] });
  });

  it("shows a secret as GET shows it, and no deleted one", async () => {
    const { ownerToken: token } = await otherWorkspace(coffer);
    const json = { name: "n", kind: "cloud_provider/aws", value: "canary", aws_access_key_id: "canary" };
    const made = await bodyOf<AkuaSecret>(await coffer.fetch("/v1/secrets", { token, json }), 201);
    const response = await coffer.fetch("/v1/secrets", { token });
    const text = await response.text();
    expect(text).not.toContain("canary");
    expect(JSON.parse(text)).toEqual({ data: [made], has_more: false, next_cursor: null });
    await coffer.fetch(`/v1/secrets/${made.id}`, { token, method: "DELETE", headers: { "if-match": made.etag } });
    expect(await (await coffer.fetch("/v1/secrets", { token })).json()).toMatchObject({ data: [] });
  });
});

describe("GET /v1/secrets/{id}/versions", () => {
  it("shows every version once, newest first, in pages and by state, of a deleted secret too", async () => {
    const secret = await createAkuaSecret(coffer);
    for (let number = 2; number <= 5; number++) await addAkuaVersion(coffer, secret, `canary-${number}`);
    const path = `/v1/secrets/${secret.id}/versions`;
    const listed = async (query: string) => {
      const { items, sizes } = await pagesOf<AkuaVersion>(path + query, coffer.ownerToken);
      return { numbers: items.map(({ version_number: number }) => number), sizes };
    };
    const { items } = await pagesOf<AkuaVersion>(path, coffer.ownerToken);
    const change = (number: number, verb: string) =>
      coffer.fetch(`${path}/${items[5 - number]?.id}:${verb}`, { method: "POST", headers: { "if-match": "1" } });
    await bodyOf(await change(2, "disable"));
    await bodyOf(await change(4, "destroy"));
    expect(await listed("?limit=2")).toEqual({ numbers: [5, 4, 3, 2, 1], sizes: [2, 2, 1] });
    expect(await listed("?state=enabled&limit=2")).toEqual({ numbers: [5, 3, 1], sizes: [2, 1] });
    expect(await listed("?state=disabled")).toEqual({ numbers: [2], sizes: [1] });
    expect(await listed("?state=destroyed")).toEqual({ numbers: [4], sizes: [1] });
    const { etag } = await bodyOf<AkuaSecret>(await coffer.fetch(`/v1/secrets/${secret.id}`));
    await deleteAkuaSecret(coffer, { id: secret.id, etag });
    expect((await listed("")).numbers).toEqual([5, 4, 3, 2, 1]);
  });
});

describe("PATCH /v1/secrets/{id}", () => {
  const full = { description: "d", labels: { a: "1", b: "2" }, mime_type: "text/plain", version_aliases: { one: 1 } };

  async function patched(change: object): Promise<Partial<AkuaSecret>> {
    const { id, etag } = await createAkuaSecret(coffer);
    const patch = (ifMatch: string, json: object) =>
      coffer.fetch(`/v1/secrets/${id}`, { method: "PATCH", headers: { "if-match": ifMatch }, json });
    const before = await bodyOf<AkuaSecret>(await patch(etag, full));
    const after = await bodyOf<AkuaSecret>(await patch(before.etag, change));
    const fields = Object.keys({ ...before, ...after }) as (keyof AkuaSecret)[];
    const differing = fields
      .filter((field) => JSON.stringify(after[field]) !== JSON.stringify(before[field]))
      .map((field) => [field, after[field]]);
    const { etag: _, updated_at: __, ...changes } = Object.fromEntries(differing) as Partial<AkuaSecret>;
    return changes;
  }

  const aliases = { version_aliases: { Prod: 1, "v1.0": 1, "2024-06": 1, "7_b": 1, [`a${"b".repeat(127)}`]: 1 } };

  it.each<[string, object, object]>([
    ["the name", { name: "another/name" }, { name: "another/name" }],
    ["the description", { description: "😀".repeat(500) }, { description: "😀".repeat(500) }],
    ["all labels", { labels: { c: "v".repeat(200) } }, { labels: { c: "v".repeat(200) } }],
    ["all aliases", { version_aliases: { two: 1, current: 1 } }, { version_aliases: { two: 1, current: 1 } }],
    ["aliases as people write them", aliases, aliases],
    ["the media type", { mime_type: "m".repeat(100) }, { mime_type: "m".repeat(100) }],
    ["no labels", { labels: {} }, { labels: {} }],
    ["no aliases", { version_aliases: {} }, { version_aliases: {} }],
    ["no description", { description: "" }, { description: undefined }],
    ["no media type", { mime_type: "" }, { mime_type: undefined }],
    [
      "null, which is as absent",
      { name: null, description: null, labels: null, mime_type: null, version_aliases: null },
      {},
    ],
    ["nothing", {}, {}],
  ])("takes %s, and leaves the rest", async (_, change, changes) => {
    expect(await patched(change)).toEqual(changes);
  });

  it("conflicts with an active secret of the name: 409 with the blocking id", async () => {
    const [one, other] = [await createAkuaSecret(coffer), await createAkuaSecret(coffer)];
    const init = { method: "PATCH", headers: { "if-match": other.etag }, json: { name: one.name } };
    const response = await coffer.fetch(`/v1/secrets/${other.id}`, init);
    expect(response.status).toBe(409);
    expect(await response.json()).toMatchObject({
      errors: [{ code: 7301, metadata: { reason: "ALREADY_EXISTS", id: one.id } }],
    });
  });
});
