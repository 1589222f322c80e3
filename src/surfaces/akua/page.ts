// Pages of lists as Akua shows them.
import { CofferError, invalidField } from "../../domain/error/errors.ts";

/** A page of an operation's list. */
interface Listed<T> {
  items: readonly T[];
  /** Empty on the last page. */
  nextPageToken: string;
}

export async function toPage<T, Message>(listed: Promise<Listed<T>>, toMessage: (item: T) => Message) {
  const { items, nextPageToken } = await listed.catch(nameCursor);
  const data = items.map(toMessage);
  return nextPageToken === "" ? { data, hasMore: false } : { data, hasMore: true, nextCursor: nextPageToken };
}

/** Renames the field page_token in errors: this API calls it cursor. */
function nameCursor(error: unknown): never {
  const isPageToken = error instanceof CofferError && error.violations.some(({ field }) => field === "page_token");
  throw isPageToken ? invalidField("cursor", "must be the next_cursor of the same query") : error;
}
