// An order of events that no commit slips behind: by the transactions that write them, up to those that are all over.

/** What one look at the database tells. Transactions are numbered when they first write. */
export interface Horizon {
  /** The time before the look, in microseconds since 1970. */
  nowUs: number;
  /** All transactions with lower numbers are over. */
  endedBelow: number;
  /** No transaction has this number yet, or a higher one. */
  next: number;
}

/** Events of this transaction, and of all with higher numbers, are not older than the time. */
export interface Bound {
  xact: number;
  timeUs: number;
}

/** The newest bound that holds for what is read next, and a newer one that will when the transactions before it are over. */
export interface Bounds {
  low: Bound;
  next: Bound;
}

/** Longer than any transaction of coffer takes. */
const transactionMaxUs = 10 * 60 * 1_000_000;

/** Where nothing is known yet. */
export function firstBounds({ nowUs, next }: Horizon): Bounds {
  return { low: { xact: 0, timeUs: nowUs - transactionMaxUs }, next: { xact: next, timeUs: nowUs } };
}

/** What holds for events of transactions from `seen.endedBelow` on. */
export function advance(bounds: Bounds, { nowUs, endedBelow, next }: Horizon): Bounds {
  const newest = { xact: next, timeUs: nowUs };
  if (next <= endedBelow) return { low: newest, next: newest };
  return bounds.next.xact <= endedBelow ? { low: bounds.next, next: newest } : bounds;
}
