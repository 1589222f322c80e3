// A principal with only access rules sees its subtree and the path to it, in levels, lists and counts.
import { expect, it } from "vitest";
import { allow, createRule, type Member, newMember } from "../../support/access.ts";
import { useCoffer } from "../../support/coffer.ts";
import { createSecret, newName } from "../../support/secrets.ts";
import {
  type Answer,
  base64,
  newSecretBody,
  secretsUrl,
  secretUrl,
  thalassa,
  thalassaEnv,
} from "../../support/thalassa.ts";

const coffer = useCoffer({ env: thalassaEnv });

interface Level {
  prefixes: string[];
  secrets: { path: string }[];
}

/** A root of its own with secrets below it, of which `team` is the member's. */
async function newTree() {
  const root = `/${newName("root")}`;
  const below = ["/app/key", "/app/other/z", "/app/team/deep/y", "/app/team/x", "/app/team0", "/app/team-b/w", "/b/c"];
  for (const path of below) await createSecret(coffer, { name: root + path, region: "nl-01" });
  return root;
}

const asOrganisation = async ({ token }: Member) => ({
  token,
  headers: { "x-organisation-identity": (await coffer.clients().tokens.whoAmI({})).workspaceId },
});

/** All pages of a level, page by page. */
async function browse(member: Member, path: string, limit = 1_000, region = "nl-01"): Promise<[string[], string[]]> {
  const pages: Level[] = [];
  let url: string | undefined = `/v1/secrets/${region}/secrets?path=${path}&limit=${limit}`;
  while (url !== undefined) {
    const { status, body, headers }: Answer<Level> = await thalassa(coffer, `GET ${url}`, await asOrganisation(member));
    expect(status).toBe(200);
    expect(body.prefixes.length + body.secrets.length).toBeLessThanOrEqual(limit);
    pages.push(body);
    url = /^<(\/v1\/.+)>; rel="next"$/.exec(headers.get("link") ?? "")?.[1];
  }
  return [pages.flatMap(({ prefixes }) => prefixes), pages.flatMap(({ secrets }) => secrets.map((one) => one.path))];
}

async function list(member: Member): Promise<string[]> {
  const { body } = await thalassa<{ path: string }[]>(coffer, `GET ${secretsUrl}`, await asOrganisation(member));
  return body.map(({ path }) => path);
}

it("a member allowed list and read on a subtree sees only that, and the levels that lead there", async () => {
  const root = await newTree();
  const member = await newMember(coffer);
  await allow(coffer, member, ["secrets.list", "secrets.read"], [`${root}/app/team/*`]);
  const team = `${root}/app/team`;
  for (const limit of [1_000, 1]) {
    expect(await browse(member, "/", limit)).toEqual([[`${root}/`], []]);
    expect(await browse(member, `${root}/`, limit)).toEqual([[`${root}/app/`], []]);
    expect(await browse(member, `${root}/app/`, limit)).toEqual([[`${team}/`], []]);
    expect(await browse(member, `${team}/`, limit)).toEqual([[`${team}/deep/`], [`${team}/x`]]);
    expect(await browse(member, `${root}/app/other/`, limit)).toEqual([[], []]);
    expect(await browse(member, `${root}/b/`, limit)).toEqual([[], []]);
  }
  expect(await list(member)).toEqual([`${team}/deep/y`, `${team}/x`]);
  expect(await browse(member, "/", 1_000, "nl-02")).toEqual([[], []]);
  const get = async (path: string) => thalassa(coffer, `GET ${secretUrl(path)}`, await asOrganisation(member));
  expect((await get(`${team}/x`)).status).toBe(200);
  expect((await get(`${root}/app/key`)).status).toBe(403);
});

it("scattered patterns are one tree, and a pattern of another region adds nothing", async () => {
  const root = await newTree();
  const member = await newMember(coffer);
  await allow(coffer, member, ["secrets.list", "secrets.read"], [`${root}/app/te*/x`, `${root}/b/c`]);
  const subject = { case: "principalId", value: member.principalId } as const;
  await createRule(coffer, { subject, permissions: ["secrets:read"], pathPatterns: ["/**"], region: "nl-02" });
  expect(await browse(member, `${root}/`, 1)).toEqual([[`${root}/app/`, `${root}/b/`], []]);
  expect(await browse(member, `${root}/app/`, 1)).toEqual([[`${root}/app/team/`], []]);
  expect(await browse(member, `${root}/b/`, 1)).toEqual([[], [`${root}/b/c`]]);
  expect(await list(member)).toEqual([`${root}/app/team/x`, `${root}/b/c`]);
});

it("who may list but not read sees nothing, before and after one who may; who may not list is told", async () => {
  const root = await newTree();
  const [lister, both, neither] = [await newMember(coffer), await newMember(coffer), await newMember(coffer)];
  await allow(coffer, lister, ["secrets.list"], [`${root}/*`]);
  await allow(coffer, both, ["secrets.list", "secrets.read"], [`${root}/*`]);
  await allow(coffer, neither, ["secrets.read"], [`${root}/*`]);
  // Several times, so that each connection has the statements of both.
  for (let round = 0; round < 5; round++) {
    const calls = Array.from({ length: 12 }, async (_, index) => {
      const member = index % 2 === 0 ? lister : both;
      const prefixes = index % 2 === 0 ? [] : [`${root}/app/`, `${root}/b/`];
      expect(await browse(member, `${root}/`)).toEqual([prefixes, []]);
      expect(await list(member)).toHaveLength(index % 2 === 0 ? 0 : 7);
    });
    await Promise.all(calls);
  }
  for (const url of [secretsUrl, `${secretsUrl}?path=/`]) {
    const answer = await thalassa(coffer, `GET ${url}`, await asOrganisation(neither));
    expect(answer).toMatchObject({ status: 403, body: { message: "permission secrets.list is missing" } });
  }
});

it("a member allowed to create below /app/production creates there and gets 403 elsewhere", async () => {
  const member = await newMember(coffer);
  await allow(coffer, member, ["secrets.create"], ["/app/production/*"]);
  const create = async (path: string) => {
    const json = { ...newSecretBody({ path }), secretString: base64("v1") };
    return thalassa(coffer, `POST ${secretsUrl}`, { json, ...(await asOrganisation(member)) });
  };
  const made = `/app/production/${newName()}`;
  expect(await create(made)).toMatchObject({ status: 201, body: { path: made, currentVersion: 1 } });
  expect((await create(`/app/production/deep/${newName()}`)).status).toBe(201);
  for (const path of ["/app/production", `/app/production-eu/${newName()}`, `/app/${newName()}`, "/elsewhere"]) {
    expect(await create(path)).toMatchObject({
      status: 403,
      body: { message: "permission secrets.create is missing" },
    });
    expect((await thalassa(coffer, `GET ${secretUrl(path)}`)).status).toBe(404);
  }
});
