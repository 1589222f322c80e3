// Lists of keys as Thalassa Cloud's surface filters and pages them, and the summary that counts them.
import { expect, it } from "vitest";
import { otherWorkspace } from "../../support/broad-token.ts";
import { useCoffer } from "../../support/coffer.ts";
import { createKey } from "../../support/keys.ts";
import { newName } from "../../support/secrets.ts";
import { keysUrl, thalassa, thalassaEnv } from "../../support/thalassa.ts";

const coffer = useCoffer({ env: thalassaEnv });

interface Key {
  identity: string;
  name: string;
}

async function made(change: object = {}): Promise<Key> {
  const json = { name: newName("key"), ...change };
  const { status, body } = await thalassa<Key>(coffer, `POST ${keysUrl}`, { json });
  expect(status).toBe(201);
  return body;
}

it("lists filter by name, slug, identity and labels, on every page", async () => {
  const name = `${newName("key")} filtered`;
  const slug = name.replaceAll(" ", "-");
  const team = newName("team");
  const key = await made({ name, labels: { team, "a.b/c": "1" } });
  const other = await made({ labels: { team } });
  const list = async (query: Record<string, string>) => {
    const { status, body } = await thalassa<Key[]>(coffer, `GET ${keysUrl}?${new URLSearchParams(query)}`);
    expect(status).toBe(200);
    return body.map(({ identity }) => identity);
  };
  for (const query of [
    ...[{ name }, { slug }, { identity: key.identity }, { identity: slug }, { name, slug, identity: key.identity }],
    { "matchLabels[team]": team, "matchLabels[a.b/c]": "1" },
  ] as Record<string, string>[]) {
    expect(await list(query)).toEqual([key.identity]);
  }
  for (const query of [
    { name: slug },
    { slug: name },
    { name, slug: other.name },
    { slug, identity: other.name },
  ] as const) {
    expect(await list(query)).toEqual([]);
  }
  expect(await list({ "matchLabels[team]": team })).toEqual([key.identity, other.identity]);
  expect(await list({ "matchLabels[team]": "none" })).toEqual([]);
  expect(await list({ "matchLabels[__proto__]": "x" })).toEqual([]);
  const first = await thalassa<Key[]>(coffer, `GET ${keysUrl}?matchLabels[team]=${team}&limit=1`);
  const next = /^<(.+)>; rel="next"$/.exec(first.headers.get("link") ?? "")?.[1] ?? "";
  const second = await thalassa<Key[]>(coffer, `GET ${next}`);
  expect([...first.body, ...second.body].map(({ identity }) => identity)).toEqual([key.identity, other.identity]);
  expect(second.headers.get("link")).toBeNull();
  for (const [query, field] of [
    ["matchLabels[a]=1&matchLabels[a]=2", 'matchLabels["a"]'],
    ["matchLabels[a]=1&match_labels[a]=2", 'matchLabels["a"]'],
    ["matchLabels=a", "matchLabels"],
    ["name[a]=b", '["name[a]"]'],
    [`matchLabels[]=${"x"}`, "matchLabels"],
  ]) {
    const { status, body } = await thalassa<{ message: string }>(coffer, `GET ${keysUrl}?${query}`);
    expect([status, body.message.slice(0, field?.length)]).toEqual([400, field]);
  }
});

it("lists are bare arrays of the region's keys, in pages where asked for, and the summary counts them", async () => {
  const { workspaceId, ownerToken: token } = await otherWorkspace(coffer);
  const ids = [];
  for (let i = 0; i < 3; i++) ids.push((await createKey(coffer, { region: "nl-01" }, token)).id);
  const headers = { "x-organisation-identity": workspaceId };
  const get = <T>(url: string) => thalassa<T>(coffer, `GET ${url}`, { token, headers });
  const all = (await get<Key[]>(keysUrl)).body;
  expect(all.map(({ identity, name }) => (name === "default" ? name : identity))).toEqual(["default", ...ids]);
  const first = await get<Key[]>(`${keysUrl}?limit=3`);
  const next = /^<(.+)>; rel="next"$/.exec(first.headers.get("link") ?? "")?.[1] ?? "";
  const second = await get<Key[]>(next);
  expect([...first.body, ...second.body]).toEqual(all);
  expect(second.headers.get("link")).toBeNull();
  expect((await get(`${keysUrl}?limit=1001`)).status).toBe(400);

  const { keys } = coffer.clients(token);
  await keys.disableKey({ id: ids[0] ?? "" });
  await keys.scheduleKeyDestruction({ id: ids[1] ?? "" });
  const named = (name: string) => ({ identity: name, name, slug: name, kmsAvailable: true });
  expect((await get("/v1/kms/summary")).body).toEqual({
    featureEnabled: true,
    regions: [
      { ...named("nl-01"), totalKeys: 4, activeKeys: 2, disabledKeys: 1, pendingDeletionKeys: 1 },
      { ...named("nl-02"), totalKeys: 1, activeKeys: 1, disabledKeys: 0, pendingDeletionKeys: 0 },
    ],
  });
});
