// Page tokens: they lead on in the query that made them, and nowhere else.
import { describe, expect, it } from "vitest";
import { pageOf, pageSizeOf, readPageToken } from "../../src/operations/page-token.ts";

const query = { workspaceId: "ws_1", labels: { a: "1" } };
const positionOf = (text: string) => [text, `id of ${text}`];

describe("a page", () => {
  it("has a token when there is an item more than it holds, and the token is where it ended", () => {
    const { items, nextPageToken } = pageOf(["a", "b", "c"], 2, query, positionOf);
    expect(items).toEqual(["a", "b"]);
    expect(readPageToken(query, nextPageToken, 2)).toEqual(["b", "id of b"]);
    expect(nextPageToken).toMatch(/^[A-Za-z0-9_-]+$/);
  });

  it("has none when it is the last", () => {
    expect(pageOf(["a", "b"], 2, query, positionOf)).toEqual({ items: ["a", "b"], nextPageToken: "" });
    expect(pageOf([], 2, query, positionOf)).toEqual({ items: [], nextPageToken: "" });
    expect(readPageToken(query, "", 2)).toBeUndefined();
  });

  it("keeps positions of any characters", () => {
    const odd = 'a"b\\c/é😀\n';
    const { nextPageToken } = pageOf([odd, "z"], 1, query, (last) => [last]);
    expect(readPageToken(query, nextPageToken, 1)).toEqual([odd]);
  });

  it("holds 50 items unless asked for another number", () => {
    expect([pageSizeOf(0), pageSizeOf(1), pageSizeOf(1000)]).toEqual([50, 1, 1000]);
  });
});

describe("a token is refused", () => {
  const { nextPageToken } = pageOf(["a", "b"], 1, query, positionOf);
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

  it("that holds what Postgres has no text for", () => {
    expect(seen(encode([digest, "a\u0000", "b"]))).toEqual(wrong);
    expect(seen(Buffer.from(`["${digest}","\\ud800","b"]`).toString("base64url"))).toEqual(wrong);
  });
});
