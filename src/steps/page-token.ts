// Makes and reads page tokens: the end of a page, bound to the query that made it.
import { createHash } from "node:crypto";
import { type CofferError, invalidField } from "../domain/error/errors.ts";

/** Returns an opaque token for the page after `position` of the list that `query` describes. */
export function writePageToken(query: unknown, position: readonly string[]): string {
  return Buffer.from(JSON.stringify([digestOf(query), ...position])).toString("base64url");
}

/** Returns the position in a token; undefined for the first page. Fails with FIELD_INVALID for a token of another query or form. */
export function readPageToken(query: unknown, token: string, parts: number, field?: "cursor"): string[] | undefined {
  if (token === "") return undefined;
  const position = parse(token);
  if (position?.length !== parts + 1 || position.shift() !== digestOf(query)) {
    throw field ? invalidField(field, "must be the next_cursor of an earlier answer") : wrongPageToken();
  }
  return position;
}

export function wrongPageToken(): CofferError {
  return invalidField("page_token", "must be the next_page_token of the same query");
}

function parse(token: string): string[] | undefined {
  try {
    const bytes = Buffer.from(token, "base64url");
    // Node ignores characters that are not base64url, and one too many at the end.
    if (bytes.toString("base64url") !== token) return undefined;
    const parsed: unknown = JSON.parse(bytes.toString("utf8"));
    return Array.isArray(parsed) && parsed.every(isText) ? parsed : undefined;
  } catch {
    return undefined;
  }
}

// Callers can forge a token. A text that Postgres cannot store must not get that far.
function isText(part: unknown): part is string {
  return typeof part === "string" && part.isWellFormed() && !part.includes("\0");
}

function digestOf(query: unknown): string {
  return createHash("sha256").update(JSON.stringify(query)).digest("base64url").slice(0, 16);
}

const pageSizeDefault = 50;

/** Returns the page size for the requested one. */
export function pageSizeOf(requested: number): number {
  return requested === 0 ? pageSizeDefault : requested;
}

/** The largest page, approximately: clients that do not read their answers must not fill the memory. */
const pageBytesMax = 1024 * 1024;
/** coffer estimates the size of an item from this many. */
const firstItemsMax = 64;

export interface PageSource<T> {
  pageSize: number;
  query: unknown;
  /** The end of the previous page, from `readPageToken`. */
  position: string[] | undefined;
  positionOf(last: T): string[];
  /** Returns approximately the size of an item in an answer; undefined: coffer estimates it. */
  sizeBytesOf?(item: T): number;
  /** Reads at most `limit` items after a position. */
  read(position: string[] | undefined, limit: number): Promise<T[]>;
}

/** Returns the items of a page and the token of the next page. A page ends at `pageSize` items or about 1 MiB, but has at least one item. */
export async function readPage<T>(source: PageSource<T>): Promise<{ items: T[]; nextPageToken: string }> {
  const { pageSize, query, positionOf, sizeBytesOf = roughSize, read } = source;
  const items: T[] = [];
  let { position } = source;
  let bytes = 0;
  let next = firstItemsMax;
  for (;;) {
    // One item more than the page may hold shows whether there is another page.
    const limit = Math.min(next, pageSize - items.length + 1);
    const found = await read(position, limit);
    for (const item of found) {
      bytes += sizeBytesOf(item);
      const isFull = items.length === pageSize || (items.length > 0 && bytes > pageBytesMax);
      if (isFull) return { items, nextPageToken: writePageToken(query, positionOf(items.at(-1) as T)) };
      items.push(item);
    }
    if (found.length < limit) return { items, nextPageToken: "" };
    position = positionOf(items.at(-1) as T);
    const perItem = Math.max(1, bytes / items.length);
    next = Math.max(1, Math.ceil((pageBytesMax - bytes) / perItem));
  }
}

/** Returns approximately the size of the item in an answer, in bytes. */
function roughSize(value: unknown): number {
  if (typeof value === "string") return value.length > longText ? Buffer.byteLength(value) : value.length + 4;
  if (typeof value !== "object" || value === null) return 8;
  if (value instanceof Date) return 24;
  if (value instanceof Uint8Array) return value.byteLength;
  let size = 2;
  for (const name in value) size += name.length + 4 + roughSize((value as Readonly<Record<string, unknown>>)[name]);
  return size;
}

/** Only long texts are measured: characters of several bytes hardly count in short ones. */
const longText = 256;
