// Pages of lists as Akua shows them.
import { CofferError, invalidField } from "../../domain/error/errors.ts";

/** What an operation lists. */
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

/** What operations call a page token is a cursor here. */
function nameCursor(error: unknown): never {
  const isPageToken = error instanceof CofferError && error.violations.some(({ field }) => field === "page_token");
  throw isPageToken ? invalidField("cursor", "must be the next_cursor of the same query") : error;
}
