// ListSecrets, on the real servers.
import { beforeAll, describe, expect, it } from "vitest";
import { SecretState } from "../../../gen/coffer/v1/secret_pb.ts";
import { Role } from "../../../gen/coffer/v1/token_service_pb.ts";
import { otherWorkspace } from "../../support/broad-token.ts";
import { useCoffer } from "../../support/coffer.ts";
import { denied, expectError, invalid } from "../../support/errors.ts";
import { createSecret, data, type SecretInit, softDelete } from "../../support/secrets.ts";

const coffer = useCoffer({ env: { COFFER_REGIONS: "default,eu-1" } });

type Query = Parameters<ReturnType<typeof coffer.clients>["secrets"]["listSecrets"]>[0];

const names = async (query: Query, token?: string) => {
  const { secrets } = await coffer.clients(token).secrets.listSecrets(query);
  return secrets.map(({ name }) => name);
};

/** All names of a query, page by page, and how long the pages were. */
async function walk(query: Query): Promise<{ found: string[]; sizes: number[] }> {
  const found: string[] = [];
  const sizes: number[] = [];
  for (let pageToken = ""; ; ) {
    const page = await coffer.clients().secrets.listSecrets({ ...query, pageToken });
    found.push(...page.secrets.map(({ name }) => name));
    sizes.push(page.secrets.length);
    if (page.nextPageToken === "") return { found, sizes };
    pageToken = page.nextPageToken;
  }
}

const seeds: Record<string, SecretInit> = {
  "app/a": { labels: { env: "prod", team: "x" } },
  "app/b": { labels: { env: "prod" }, kind: "oci_registry" },
  "app/c": { labels: { env: "dev", team: "x" } },
  "app-2/a": { region: "eu-1" },
  "app_%": { labels: { ["__proto__"]: "odd" } },
  "/lead": {},
  Z: {},
  é: {},
};

beforeAll(async () => {
  for (const [name, init] of Object.entries(seeds)) await createSecret(coffer, { name, ...init });
  await softDelete(coffer, await createSecret(coffer, { name: "app/gone" }));
});

describe("succeeds", () => {
  it("lists active secrets by path, with all that GetSecret shows and no value", async () => {
    const { secrets, nextPageToken } = await coffer.clients().secrets.listSecrets({});
    expect(secrets.map(({ path }) => path)).toEqual([
      "/Z",
      "/app-2/a",
      "/app/a",
      "/app/b",
      "/app/c",
      "/app_%",
      "/lead",
      "/é",
    ]);
    expect(nextPageToken).toBe("");
    const { secret } = await coffer.clients().secrets.getSecret({ secret: { case: "name", value: "app/a" } });
    expect(secrets.find(({ name }) => name === "app/a")).toEqual(secret);
  });

  it.each<[string, Query, string[]]>([
    ["a prefix", { namePrefix: "app/" }, ["app/a", "app/b", "app/c"]],
    ["a prefix within a segment", { namePrefix: "ap" }, ["app-2/a", "app/a", "app/b", "app/c", "app_%"]],
    ["a prefix with a leading slash", { namePrefix: "/app/" }, ["app/a", "app/b", "app/c"]],
    ["a prefix with the signs of LIKE", { namePrefix: "app_%" }, ["app_%"]],
    ["a prefix that is a sign of LIKE", { namePrefix: "%" }, []],
    ["a prefix of several bytes", { namePrefix: "é" }, ["é"]],
    ["a kind", { kind: "oci_registry" }, ["app/b"]],
    ["a label", { labels: { env: "prod" } }, ["app/a", "app/b"]],
    ["all labels", { labels: { team: "x", env: "prod" } }, ["app/a"]],
    ["a label whose key is a word of JavaScript", { labels: { ["__proto__"]: "odd" } }, ["app_%"]],
    ["a label's other value", { labels: { env: "pro" } }, []],
    ["the deleted", { states: [SecretState.SOFT_DELETED] }, ["app/gone"]],
    ["a region", { region: "eu-1" }, ["app-2/a"]],
    [
      "all conditions",
      { namePrefix: "app/", kind: "generic", labels: { team: "x" }, region: "default" },
      ["app/a", "app/c"],
    ],
    ["all conditions, one of which nothing meets", { namePrefix: "app/", kind: "generic", region: "eu-1" }, []],
  ])("filters by %s", async (_, query, expected) => {
    expect(await names(query)).toEqual(expected);
  });

  it("lists both states when both are asked for", async () => {
    const states = [SecretState.SOFT_DELETED, SecretState.ACTIVE];
    expect(await names({ namePrefix: "app/", states })).toEqual(["app/a", "app/b", "app/c", "app/gone"]);
  });

  it.each([1, 2, 3, 7, 8, 9, 1000])("misses and repeats nothing in pages of %i", async (pageSize) => {
    const { found, sizes } = await walk({ pageSize });
    expect(found).toEqual(["Z", "app-2/a", "app/a", "app/b", "app/c", "app_%", "/lead", "é"]);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(pageSize);
    expect(sizes).not.toContain(0);
  });

  it("pages through equal paths: of regions, and of generations of one name", async () => {
    for (let generation = 0; generation < 3; generation++) {
      await softDelete(coffer, await createSecret(coffer, { name: "same" }));
    }
    const active = await createSecret(coffer, { name: "same" });
    const there = await createSecret(coffer, { name: "same", region: "eu-1" });
    const ids: string[] = [];
    const states = [SecretState.ACTIVE, SecretState.SOFT_DELETED];
    for (let pageToken = ""; ids.length === 0 || pageToken !== ""; ) {
      const page = await coffer.clients().secrets.listSecrets({ namePrefix: "same", states, pageSize: 1, pageToken });
      ids.push(...page.secrets.map(({ id }) => id));
      pageToken = page.nextPageToken;
    }
    expect(ids).toHaveLength(5);
    expect(new Set(ids).size).toBe(5);
    expect(ids).toEqual(expect.arrayContaining([active.id, there.id]));
    for (const secret of [active, there]) await softDelete(coffer, secret);
  });

  it("goes on behind the last page although secrets before it come and go", async () => {
    const first = await coffer.clients().secrets.listSecrets({ namePrefix: "app/", pageSize: 1 });
    await softDelete(coffer, await createSecret(coffer, { name: "app/0" }));
    const inserted = await createSecret(coffer, { name: "app/00" });
    const rest = await names({ namePrefix: "app/", pageSize: 1000, pageToken: first.nextPageToken });
    // The page size may change from page to page: the query is the same.
    expect(rest).toEqual(["app/b", "app/c"]);
    await softDelete(coffer, inserted);
  });

  it("gives 50 unless told otherwise", async () => {
    const { ownerToken } = await otherWorkspace(coffer);
    const { secrets } = coffer.clients(ownerToken);
    await Promise.all(Array.from({ length: 51 }, (_, n) => secrets.createSecret({ name: `n${n}`, value: data("v") })));
    const page = await secrets.listSecrets({});
    expect(page.secrets).toHaveLength(50);
    expect((await secrets.listSecrets({ pageToken: page.nextPageToken })).secrets).toHaveLength(1);
  });

  it("shows nothing of other workspaces", async () => {
    const { ownerToken } = await otherWorkspace(coffer);
    await createSecret(coffer, { name: "theirs" }, ownerToken);
    expect(await names({}, ownerToken)).toEqual(["theirs"]);
    expect(await names({ namePrefix: "theirs" })).toEqual([]);
  });
});

describe("rejects", () => {
  it.each<[string, Query]>([
    ["page_size", { pageSize: 1001 }],
    ["name_prefix", { namePrefix: "x".repeat(513) }],
    ["name_prefix", { namePrefix: "a\u0000" }],
    ["kind", { kind: "k".repeat(64) }],
    ["region", { region: "moon" }],
    ["states", { states: [SecretState.ACTIVE, SecretState.ACTIVE] }],
    ["states[0]", { states: [SecretState.UNSPECIFIED] }],
    ["states[0]", { states: [7 as SecretState] }],
    ["labels", { labels: Object.fromEntries(Array.from({ length: 65 }, (_, n) => [`k${n}`, ""])) }],
    ["page_token", { pageToken: "x".repeat(4097) }],
    ["page_token", { pageToken: "nonsense" }],
    ["page_token", { pageToken: Buffer.from("[]").toString("base64url") }],
    ["page_token", { pageToken: Buffer.from('["a",1,null]').toString("base64url") }],
  ])("%s that breaks its rule: case %#", async (field, query) => {
    await expectError(coffer.clients().secrets.listSecrets(query), invalid(field));
  });

  it.each<[string, Query]>([
    ["another prefix", { namePrefix: "app" }],
    ["another label", { namePrefix: "app/", labels: { env: "prod" } }],
    ["another kind", { namePrefix: "app/", kind: "generic" }],
    ["other states", { namePrefix: "app/", states: [SecretState.SOFT_DELETED] }],
    ["another region", { namePrefix: "app/", region: "default" }],
  ])("a page token with %s than it was made for", async (_, query) => {
    const { nextPageToken: pageToken } = await coffer
      .clients()
      .secrets.listSecrets({ namePrefix: "app/", pageSize: 1 });
    expect(pageToken).not.toBe("");
    await expectError(coffer.clients().secrets.listSecrets({ ...query, pageToken }), invalid("page_token"));
  });

  it("a page token of another workspace", async () => {
    const { ownerToken } = await otherWorkspace(coffer);
    const { nextPageToken: pageToken } = await coffer.clients().secrets.listSecrets({ pageSize: 1 });
    await expectError(coffer.clients(ownerToken).secrets.listSecrets({ pageToken }), invalid("page_token"));
  });

  it("a forged page token, whatever is in it", async () => {
    const { nextPageToken } = await coffer.clients().secrets.listSecrets({ pageSize: 1 });
    const [digest, , id] = JSON.parse(Buffer.from(nextPageToken, "base64url").toString()) as [string, string, string];
    const pageToken = Buffer.from(JSON.stringify([digest, "/\u0000", id])).toString("base64url");
    await expectError(coffer.clients().secrets.listSecrets({ pageToken }), invalid("page_token"));
  });
});

describe("denies", () => {
  it("a token whose scopes leave out the permission", async () => {
    const token = await coffer.tokenWithRole(Role.OWNER, ["secrets.read"]);
    await expectError(coffer.clients(token).secrets.listSecrets({}), denied("secrets.list"));
  });
});
