// Pages of lists as Akua shows them.

/** What an operation lists. */
interface Listed<T> {
  items: readonly T[];
  /** Empty on the last page. */
  nextPageToken: string;
}

export function toPage<T, Message>({ items, nextPageToken }: Listed<T>, toMessage: (item: T) => Message) {
  const data = items.map(toMessage);
  return nextPageToken === "" ? { data, hasMore: false } : { data, hasMore: true, nextCursor: nextPageToken };
}
