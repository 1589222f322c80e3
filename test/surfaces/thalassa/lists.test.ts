// GET /v1/secrets/{region}/secrets: one level, everything below a prefix, and how pages follow each other.
import { Client, escapeLiteral } from "pg";
import { describe, expect, it } from "vitest";
import { browseSecrets } from "../../../src/store/browse-secrets.ts";
import type { Sql } from "../../../src/store/database.ts";
import { otherWorkspace } from "../../support/broad-token.ts";
import { type TestCoffer, useCoffer } from "../../support/coffer.ts";
import { createSecret, softDelete } from "../../support/secrets.ts";
import { setSecrets, signCopies } from "../../support/signed-rows.ts";
import {
  type Answer,
  createThalassa,
  secretsUrl,
  type ThalassaSecret,
  thalassa,
  thalassaEnv,
} from "../../support/thalassa.ts";

const coffer = useCoffer({ env: thalassaEnv });

interface Level {
  path: string;
  prefixes: string[];
  secrets: ThalassaSecret[];
}

/** A workspace of its own with secrets at these paths. */
async function workspaceWith(paths: readonly string[]) {
  const { workspaceId, ownerToken: token } = await otherWorkspace(coffer);
  const made = [];
  for (const name of paths) made.push(await createSecret(coffer, { name, region: "nl-01" }, token));
  const headers = { "x-organisation-identity": workspaceId };
  const get = <T>(url: string) => thalassa<T>(coffer, `GET ${url}`, { token, headers });
  return { get, made, token, workspaceId };
}

type Get = Awaited<ReturnType<typeof workspaceWith>>["get"];

/** The bodies of all pages, each reached by the Link of the one before. */
async function pages<T>(get: Get, query: string): Promise<T[]> {
  const found: T[] = [];
  for (let url: string | undefined = secretsUrl + query; url !== undefined; ) {
    const { status, body, headers }: Answer<T> = await get<T>(url);
    expect(status).toBe(200);
    found.push(body);
    const link: string | null = headers.get("link");
    url = link === null ? undefined : /^<(\/v1\/.+)>; rel="next"$/.exec(link)?.[1];
    if (link !== null) expect(url).toBeDefined();
  }
  return found;
}

const paths = (secrets: readonly { path: string }[]) => secrets.map(({ path }) => path);

const tree = [
  "/app",
  "/app/prod",
  "/app/prod-eu/x",
  "/app/prod/db/password",
  "/app/prod/db/user",
  "/app/prod/key",
  "/app/prod0",
  "/app/stage/db",
  "/b",
  "no-slash/x",
];

describe("?path= shows one level", () => {
  it.each<[string, string[], string[]]>([
    ["/", ["/app/", "/no-slash/"], ["/app", "/b"]],
    ["/app/", ["/app/prod-eu/", "/app/prod/", "/app/stage/"], ["/app/prod", "/app/prod0"]],
    ["/app/prod/", ["/app/prod/db/"], ["/app/prod/key"]],
    ["/app/prod/db/", [], ["/app/prod/db/password", "/app/prod/db/user"]],
    ["/app/pro/", [], []],
    ["/none/", [], []],
  ])("%s", async (path, prefixes, secrets) => {
    const { get } = await workspaceWith(tree);
    const { status, body, headers } = await get<Level>(`${secretsUrl}?path=${path}`);
    expect([status, Object.keys(body)]).toEqual([200, ["path", "prefixes", "secrets"]]);
    expect([body.path, body.prefixes, paths(body.secrets)]).toEqual([path, prefixes, secrets]);
    expect(headers.get("link")).toBeNull();
    if (path !== "/") expect((await get<Level>(`${secretsUrl}?path=${path.slice(0, -1)}`)).body).toEqual(body);
    const bare = path === "/" ? path : path.slice(0, -1);
    expect(paths((await pages<Level>(get, `?path=${bare}&limit=1`)).flatMap((page) => page.secrets))).toEqual(secrets);
    for (const limit of [1, 2, 3]) {
      const all = await pages<Level>(get, `?path=${path}&limit=${limit}`);
      expect(all.flatMap((page) => page.prefixes)).toEqual(prefixes);
      expect(paths(all.flatMap((page) => page.secrets))).toEqual(secrets);
      expect(all.length).toBe(Math.max(1, Math.ceil((prefixes.length + secrets.length) / limit)));
    }
  });

  it("without deleted and expired secrets, and without levels that hold only such", async () => {
    const { get, made, token } = await workspaceWith(["/a/gone/x", "/a/expired/x", "/a/old", "/a/stays"]);
    const [gone, ...expired] = made;
    if (gone) await softDelete({ ...coffer, clients: () => coffer.clients(token) } as TestCoffer, gone);
    const ids = expired.slice(0, 2).map(({ id }) => id);
    await setSecrets(coffer, "expire_time = now()", ids);
    const { body } = await get<Level>(`${secretsUrl}?path=/a/`);
    expect([body.prefixes, paths(body.secrets)]).toEqual([[], ["/a/stays"]]);
  });

  it("of its own region and workspace", async () => {
    const { get, token } = await workspaceWith(["/a/x"]);
    await createSecret(coffer, { name: "/a/y", region: "nl-02" }, token);
    await createThalassa(coffer, { path: "/a/z" });
    const { body } = await get<Level>(`${secretsUrl}?path=/a/`);
    expect(paths(body.secrets)).toEqual(["/a/x"]);
  });

  it("without reading what lies below it", async () => {
    const { get, made, workspaceId } = await workspaceWith(["/deep/a/0", "/deep/b"]);
    await copySecret(made[0]?.id ?? "", "/deep/a/", 20_000);
    await coffer.sql("analyze secret");
    const { body } = await get<Level>(`${secretsUrl}?path=/deep/`);
    expect([body.prefixes, paths(body.secrets)]).toEqual([["/deep/a/"], ["/deep/b"]]);
    expect(await rowsRead(workspaceId, "/deep/")).toBe(2);
  });
});

describe("a bare array", () => {
  it("of everything below ?pathPrefix=, or of everything", async () => {
    const { get } = await workspaceWith(tree);
    const all = tree.map((path) => (path.startsWith("/") ? path : `/${path}`));
    const listed = async (query: string) => paths((await pages<ThalassaSecret[]>(get, query)).flat());
    expect(await listed("")).toEqual(all);
    expect(await listed("?limit=3")).toEqual(all);
    expect(await listed("?pathPrefix=/app/prod/")).toEqual(all.filter((path) => path.startsWith("/app/prod/")));
    expect(await listed("?pathPrefix=/app/prod&limit=2")).toEqual(all.filter((path) => path.startsWith("/app/prod")));
    expect(await listed("?pathPrefix=/none/")).toEqual([]);
  });

  it("of secrets as they are shown alone, without values", async () => {
    const { get } = await workspaceWith(["/one"]);
    const [shown] = (await get<ThalassaSecret[]>(secretsUrl)).body;
    expect((await get("/v1/secrets/nl-01/secret/one")).body).toEqual(shown);
  });

  it("of at most 1,000, and the rest behind the link", async () => {
    const { get, made } = await workspaceWith(["/many/0000"]);
    await copySecret(made[0]?.id ?? "", "/many/x", 1_000);
    const flat = await pages<ThalassaSecret[]>(get, "?pathPrefix=/many/");
    expect(flat.map(({ length }) => length)).toEqual([1000, 1]);
    expect(new Set(paths(flat.flat())).size).toBe(1001);
    const levels = await pages<Level>(get, "?path=/many/");
    expect(levels.map(({ secrets }) => secrets.length)).toEqual([1000, 1]);
  });
});

it.each([
  ["?path=a/", "path"],
  ["?path=a", "path"],
  ["?path=", "path"],
  ["?path=/a//", "path"],
  ["?path=/%D0%B1/", "path"],
  [`?path=/${"p".repeat(511)}/`, "path"],
  ["?pathPrefix=a", "pathPrefix"],
  ["?pathPrefix=/%D0%B1", "pathPrefix"],
  ["?path=/&pathPrefix=/", "path"],
  ["?limit=0", "limit"],
  ["?limit=1001", "limit"],
  ["?pageToken=x", "pageToken"],
  ["?path=/&pageToken=x", "pageToken"],
  ["?path=/&path=/a/", "path"],
])("%s is 400", async (query, field) => {
  const { status, body } = await thalassa<{ message: string }>(coffer, `GET ${secretsUrl}${query}`);
  expect([status, body.message.split(": ")[0]]).toEqual([400, field]);
});

interface Plan {
  "Relation Name"?: string;
  "Actual Rows": number;
  "Actual Loops": number;
  "Rows Removed by Filter"?: number;
  Plans?: Plan[];
}

/** How many rows of secrets Postgres reads for a level, planned as coffer's connections plan it. */
async function rowsRead(workspaceId: string, path: string): Promise<number> {
  const statements: { text: string; values: readonly unknown[] }[] = [];
  const noting = {
    async query(statement: { text: string; values: readonly unknown[] }) {
      statements.push(statement);
      return [];
    },
  };
  await browseSecrets(noting as unknown as Sql, { workspaceId, region: "nl-01", path }, [], undefined, 1001);
  const [{ text, values } = { text: "", values: [] }] = statements;
  const client = new Client(coffer.databaseUrl);
  await client.connect();
  try {
    await client.query("set plan_cache_mode = force_generic_plan");
    await client.query(`prepare browse as ${text}`);
    const literals = values.map((value) => (typeof value === "number" ? String(value) : escapeLiteral(String(value))));
    const { rows } = await client.query(`explain (analyze, format json) execute browse (${literals.join(", ")})`);
    const count = (plan: Plan): number => {
      const read = (plan["Actual Rows"] + (plan["Rows Removed by Filter"] ?? 0)) * plan["Actual Loops"];
      const own = plan["Relation Name"] === "secret" ? read : 0;
      return (plan.Plans ?? []).reduce((sum, child) => sum + count(child), own);
    };
    return count((rows[0] as { "QUERY PLAN": [{ Plan: Plan }] })["QUERY PLAN"][0].Plan);
  } finally {
    await client.end();
  }
}

/** Copies a secret, without versions, to so many paths. */
async function copySecret(secretId: string, prefix: string, count: number): Promise<void> {
  await coffer.sql(
    `insert into secret (workspace_id, secret_id, region, name, path, kind, description, labels, annotations, mime_type, state,
        version_aliases, version_count, enabled_version_count, current_version, kms_key_id, revealable, credential_fields)
      select workspace_id, secret_id || n, region, $2 || lpad(n::text, 6, '0'), $2 || lpad(n::text, 6, '0'), kind, description,
        labels, annotations, mime_type, state, version_aliases, version_count, enabled_version_count, current_version, kms_key_id,
        revealable, credential_fields
      from secret, generate_series(1, $3::integer) n where secret_id = $1`,
    [secretId, prefix, count],
  );
  await signCopies(coffer);
}
