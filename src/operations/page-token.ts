// Page tokens: where a page ended, bound to the query that made it.
import { createHash } from "node:crypto";
import { type CofferError, invalidField } from "../domain/errors.ts";

/** An opaque token for the page after `position` of the list that `query` describes. */
export function writePageToken(query: unknown, position: readonly string[]): string {
  return Buffer.from(JSON.stringify([digestOf(query), ...position])).toString("base64url");
}

/** The position in a token; undefined for the first page. Fails when the token is of another query, or none. */
export function readPageToken(query: unknown, token: string, parts: number, field?: "cursor"): string[] | undefined {
  if (token === "") return undefined;
  const position = parse(token);
  if (position?.length !== parts + 1 || position.shift() !== digestOf(query)) {
    throw field ? invalidField(field, "must be the next_cursor of an answer") : wrongPageToken();
  }
  return position;
}

export function wrongPageToken(): CofferError {
  return invalidField("page_token", "must be the next_page_token of the same query");
}

function parse(token: string): string[] | undefined {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(token, "base64url").toString("utf8"));
    return Array.isArray(parsed) && parsed.every(isText) ? parsed : undefined;
  } catch {
    return undefined;
  }
}

// Anyone can make up a token: what Postgres has no text for must not get that far.
function isText(part: unknown): part is string {
  return typeof part === "string" && part.isWellFormed() && !part.includes("\0");
}

function digestOf(query: unknown): string {
  return createHash("sha256").update(JSON.stringify(query)).digest("base64url").slice(0, 16);
}

const pageSizeDefault = 50;

/** The page size to use for what a request asks for. */
export function pageSizeOf(requested: number): number {
  return requested === 0 ? pageSizeDefault : requested;
}

/** The items of a page and the token of the next, given one item more than the page holds where there is one. */
export function pageOf<T>(
  items: T[],
  pageSize: number,
  query: unknown,
  positionOf: (last: T) => string[],
): { items: T[]; nextPageToken: string } {
  if (items.length <= pageSize) return { items, nextPageToken: "" };
  const page = items.slice(0, pageSize);
  return { items: page, nextPageToken: writePageToken(query, positionOf(page[pageSize - 1] as T)) };
}
