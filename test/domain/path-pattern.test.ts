// Patterns of paths: what they match, one by one and among thousands, and what is none.
import { describe, expect, it } from "vitest";
import { checkPathPattern } from "../../src/domain/access/path-pattern.ts";
import { createPathTrie } from "../../src/domain/access/path-trie.ts";
import { CofferError } from "../../src/domain/error/errors.ts";

function matches(pattern: string, path: string): boolean {
  const trie = createPathTrie();
  trie.add(pattern, "it");
  return trie.find(path) !== undefined;
}

describe("a pattern", () => {
  it.each([
    ["/a", "/a"],
    ["/a/b", "/a/b"],
    ["/a/*", "/a/b"],
    ["/a/*", "/a/b/c/d"],
    ["/a/**", "/a/b/c"],
    ["/*", "/a"],
    ["/**", "/a/b/c"],
    ["/*/b", "/a/b"],
    ["/*/b/*", "/a/b/c/d"],
    ["/a/db-*", "/a/db-"],
    ["/a/db-*", "/a/db-1"],
    ["/a/x*z", "/a/xz"],
    ["/a/x*z", "/a/x-z-z"],
    ["/x-*/*-y/z", "/x-1/2-y/z"],
    ["/a/*b/**", "/a/ab/c/d"],
    ["/a/*-db", "/a/x-db"],
    ["/a*b/*", "/a*b/c"],
    ["/ü*/ß", "/ünder/ß"],
    ["/a.b", "/a.b"],
  ])("%s matches %s", (pattern, path) => {
    expect(matches(pattern, path)).toBe(true);
  });

  it.each([
    ["/a", "/a/b"],
    ["/a", "/A"],
    ["/a/*", "/a"],
    ["/a/*", "/ax/b"],
    ["/a/**", "/a"],
    ["/app/production/*", "/app/production"],
    ["/app/production/*", "/app/productionx/y"],
    ["/*/b", "/a/x/b"],
    ["/*/b", "/b"],
    ["/a/db-*", "/a/db"],
    ["/a/db-*", "/a/db-1/x"],
    ["/a/db-*", "/a/xdb-1"],
    ["/a/x*x", "/a/x"],
    ["/a.b", "/axb"],
  ])("%s does not match %s", (pattern, path) => {
    expect(matches(pattern, path)).toBe(false);
  });
});

it("is found among thousands, by the name of the first that matches", () => {
  const trie = createPathTrie();
  for (let i = 0; i < 3_000; i++) {
    trie.add(`/team-${i}/*`, `subtree ${i}`);
    trie.add(`/shared/db-${i}-*/password`, `glob ${i}`);
    trie.add(`/x/*/key-${i}`, `any ${i}`);
  }
  trie.add("/team-7/**", "later");
  expect(trie.find("/team-7/a/b")).toBe("subtree 7");
  expect(trie.find("/shared/db-2999-eu/password")).toBe("glob 2999");
  expect(trie.find("/x/y/key-1234")).toBe("any 1234");
  expect(trie.find("/shared/db-3000-eu/password")).toBeUndefined();
  expect(trie.find("/team-3000/a")).toBeUndefined();
});

describe("what is no pattern", () => {
  const broken = (pattern: string) => {
    try {
      checkPathPattern(pattern, "p");
    } catch (error) {
      if (error instanceof CofferError) return error.violations.map(({ field }) => field);
    }
    return [];
  };

  it.each([
    "",
    "a/b",
    "*",
    "/",
    "/a/",
    "/a//b",
    "/a/../b",
    "/a/.",
    "/a**",
    "/a/**/b",
    "/**/**",
    "/a/*b*",
    "/a/**/*",
    "/**b/c",
    "/a/***",
    "/a\u0000",
    "/a\ud800",
    "/u\u0308",
    `/${"x".repeat(512)}`,
  ])("%j is refused", (pattern) => {
    expect(broken(pattern)).toEqual(["p"]);
  });

  it.each(["/a", "/*", "/**", "/*/b", "/a/*b/.*", `/${"x".repeat(511)}`])("%j is none of it", (pattern) => {
    expect(broken(pattern)).toEqual([]);
  });
});
