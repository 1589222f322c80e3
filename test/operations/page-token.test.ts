// Page tokens: they lead on in the query that made them, and nowhere else.
import { describe, expect, it } from "vitest";
import { pageSizeOf, readPage, readPageToken } from "../../src/steps/page-token.ts";

const query = { workspaceId: "ws_1", labels: { a: "1" } };
const positionOf = (text: string) => [text, `id of ${text}`];

/** The page of a list that is all there. */
function pageOf(
  items: readonly string[],
  pageSize: number,
  of: unknown,
  where: (last: string) => string[],
  after = "",
) {
  return readPage({
    pageSize,
    query: of,
    position: readPageToken(of, after, where("").length),
    positionOf: where,
    async read(position, limit) {
      const start = position ? items.indexOf(position[0] as string) + 1 : 0;
      return items.slice(start, start + limit);
    },
  });
}

describe("a page", () => {
  it("has a token when there is an item more than it holds, and the token is where it ended", async () => {
    const { items, nextPageToken } = await pageOf(["a", "b", "c"], 2, query, positionOf);
    expect(items).toEqual(["a", "b"]);
    expect(readPageToken(query, nextPageToken, 2)).toEqual(["b", "id of b"]);
    expect(nextPageToken).toMatch(/^[A-Za-z0-9_-]+$/);
  });

  it("has none when it is the last", async () => {
    expect(await pageOf(["a", "b"], 2, query, positionOf)).toEqual({ items: ["a", "b"], nextPageToken: "" });
    expect(await pageOf([], 2, query, positionOf)).toEqual({ items: [], nextPageToken: "" });
    expect(readPageToken(query, "", 2)).toBeUndefined();
  });

  it("keeps positions of any characters", async () => {
    const odd = 'a"b\\c/é😀\n';
    const { nextPageToken } = await pageOf([odd, "z"], 1, query, (last) => [last]);
    expect(readPageToken(query, nextPageToken, 1)).toEqual([odd]);
  });

  it("ends at about a megabyte too, and its token leads to the rest without a gap", async () => {
    const items = Array.from({ length: 200 }, (_, index) => `${index} ${"x".repeat(16_000)}`);
    const seen: string[] = [];
    const sizes: number[] = [];
    let token = "";
    do {
      const page = await pageOf(items, 150, query, (last) => [last], token);
      seen.push(...page.items);
      sizes.push(page.items.join("").length);
      token = page.nextPageToken;
    } while (token !== "");
    expect(seen).toEqual(items);
    expect(Math.max(...sizes)).toBeLessThan(1.05 * 1024 * 1024);
    expect(sizes).toHaveLength(4);
  });

  it("has one item at least, however large it is", async () => {
    const items = ["a", "b", "c"].map((name) => name + "x".repeat(2 * 1024 * 1024));
    const { items: page, nextPageToken } = await pageOf(items, 50, query, (last) => [last.slice(0, 1)]);
    expect(page).toEqual(items.slice(0, 1));
    expect(nextPageToken).not.toBe("");
  });

  it("reads small items in two steps, so that a large page costs two statements", async () => {
    const limits: number[] = [];
    const { items, nextPageToken } = await readPage({
      pageSize: 1_000,
      query,
      position: undefined,
      positionOf: (last: number) => [String(last)],
      async read(position, limit) {
        limits.push(limit);
        const start = position ? Number(position[0]) + 1 : 0;
        return Array.from({ length: Math.min(limit, 5_000 - start) }, (_, index) => start + index);
      },
    });
    expect(items).toHaveLength(1_000);
    expect(nextPageToken).not.toBe("");
    expect(limits).toEqual([64, 937]);
  });

  it("holds 50 items unless asked for another number", () => {
    expect([pageSizeOf(0), pageSizeOf(1), pageSizeOf(1000)]).toEqual([50, 1, 1000]);
  });
});

describe("a token is refused", async () => {
  const { nextPageToken } = await pageOf(["a", "b"], 1, query, positionOf);
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const [digest] = JSON.parse(Buffer.from(nextPageToken, "base64url").toString()) as [string];
  const wrong = expect.objectContaining({ reason: "FIELD_INVALID", metadata: { field: "page_token" } });

  const seen = (token: string, of: unknown = query, parts = 2) => {
    try {
      return readPageToken(of, token, parts);
    } catch (error) {
      return error;
    }
  };

  it("that was made for another query", () => {
    for (const other of [{ ...query, workspaceId: "ws_2" }, { ...query, labels: {} }, { workspaceId: "ws_1" }, null]) {
      expect(seen(nextPageToken, other)).toEqual(wrong);
    }
    expect(seen(nextPageToken)).toEqual(["a", "id of a"]);
  });

  it("that is none, or has parts too many, too few or of another type", () => {
    for (const token of [
      "x",
      "e30",
      "bnVsbA",
      encode([digest]),
      encode([digest, "a"]),
      encode([digest, "a", "b", "c"]),
    ]) {
      expect([token, seen(token)]).toEqual([token, wrong]);
    }
    expect(seen(encode([digest, "a", 1]))).toEqual(wrong);
    expect(seen(encode([digest, "a", null]))).toEqual(wrong);
    expect(seen(encode([digest, "a", "b"]))).toEqual(["a", "b"]);
  });

  it("that has characters besides those that were written", () => {
    for (const last of ["b", "bb", "bbb"]) {
      const token = encode([digest, "a", last]);
      expect(seen(token)).toEqual(["a", last]);
      for (const changed of [`${token}x`, `${token}=`, `${token} `, `!${token}`]) expect(seen(changed)).toEqual(wrong);
    }
  });

  it("that holds what Postgres has no text for", () => {
    expect(seen(encode([digest, "a\u0000", "b"]))).toEqual(wrong);
    expect(seen(Buffer.from(`["${digest}","\\ud800","b"]`).toString("base64url"))).toEqual(wrong);
  });
});
