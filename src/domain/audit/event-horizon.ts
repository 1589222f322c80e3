// Orders events by the transactions that wrote them, up to a point where all have ended: no later commit adds an event before it.

/** One observation of the database. Postgres numbers a transaction when it first writes. */
export interface Horizon {
  /** The time just before the observation, in microseconds since 1970. */
  nowUs: number;
  /** All transactions with lower numbers have ended. */
  endedBelow: number;
  /** No transaction has this number yet, or a higher one. */
  next: number;
}

/** Events of this transaction, and of all with higher numbers, are not older than this time. */
export interface Bound {
  xact: number;
  timeUs: number;
}

/** The newest bound that is valid for the next read, and a newer one that becomes valid when all transactions before it have ended. */
export interface Bounds {
  low: Bound;
  next: Bound;
}

/** Longer than the longest transaction of coffer. */
const transactionMaxUs = 10 * 60 * 1_000_000;

/** The bounds before the first observation. */
export function firstBounds({ nowUs, next }: Horizon): Bounds {
  return { low: { xact: 0, timeUs: nowUs - transactionMaxUs }, next: { xact: next, timeUs: nowUs } };
}

/** Returns the bounds for events of transactions from `seen.endedBelow` on. */
export function advance(bounds: Bounds, { nowUs, endedBelow, next }: Horizon): Bounds {
  const newest = { xact: next, timeUs: nowUs };
  if (next <= endedBelow) return { low: newest, next: newest };
  return bounds.next.xact <= endedBelow ? { low: bounds.next, next: newest } : bounds;
}
