// Lists show exactly what patterns match: PostgreSQL and the tree of segments agree, also for unusual characters.
import { expect, it } from "vitest";
import { createPathTrie } from "../../src/domain/access/path-trie.ts";
import { visibleConditions } from "../../src/store/visible-paths.ts";
import { useCoffer } from "../support/coffer.ts";

const coffer = useCoffer();

/** The same numbers in every run. */
function createDice(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * below);
  };
}

const dice = createDice(7);
const pick = <T>(all: readonly T[]) => all[dice(all.length)] as T;
const words = ["a", "ab", "b", "aba", "a.b", "a+", "(a)", "[b]", "a|b", "\\d", "^a$", "ü", "😀", "a b", "{2}", "a*"];
const globs = [...words, "*", "*", "a*", "*b", "a*b", "(*)", "\\*", "😀*", "*."];
const join = (from: readonly string[]) => `/${Array.from({ length: 1 + dice(4) }, () => pick(from)).join("/")}`;

it("finds the same paths for each of many patterns", async () => {
  const paths = [...new Set(Array.from({ length: 400 }, () => join(words)))];
  const patterns = [...new Set(Array.from({ length: 400 }, () => join(globs) + pick(["", "", "/**"])))];
  let found = 0;
  for (const pattern of patterns) {
    const values: unknown[] = [paths];
    const [condition] = visibleConditions([[{ region: undefined, pattern }]], (value) => `$${values.push(value)}`);
    const rows = await coffer.sql(
      `select s.path from (select path collate "C" as path, 'eu' as region from unnest($1::text[]) as path) s where ${condition}`,
      values,
    );
    const trie = createPathTrie();
    trie.add(pattern, "it");
    const expected = paths.filter((path) => trie.find(path) !== undefined);
    expect([pattern, rows.map(({ path }) => String(path)).sort()]).toEqual([pattern, expected.sort()]);
    found += rows.length;
  }
  expect(found).toBeGreaterThan(1_000);
});

it("keeps to the region of a pattern, and to every group", async () => {
  const visible = [
    [
      { region: "eu", pattern: "/a/*" },
      { region: undefined, pattern: "/b" },
    ],
    [{ region: undefined, pattern: "/*" }],
  ];
  const seen = async (groups: typeof visible | [...typeof visible, []]) => {
    const values: unknown[] = [];
    const conditions = visibleConditions(groups, (value) => `$${values.push(value)}`);
    const rows = await coffer.sql(
      `select s.region || s.path as found from (
        select region, path collate "C" as path from unnest('{eu,us}'::text[]) region, unnest('{/a/x,/a,/b,/c}'::text[]) path
      ) s where ${conditions.join(" and ")} order by 1`,
      values,
    );
    return rows.map(({ found }) => found);
  };
  expect(await seen(visible)).toEqual(["eu/a/x", "eu/b", "us/b"]);
  expect(await seen([...visible, []])).toEqual([]);
});
