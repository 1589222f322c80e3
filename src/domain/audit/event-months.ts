// The monthly partitions of events, in UTC. The first has no lower bound, the last no upper bound.

/** A partition and its table. */
export interface EventPartition {
  name: string;
  /** Undefined for the first. */
  begin: Date | undefined;
  /** Undefined for the last. */
  end: Date | undefined;
}

/** The last partition is split this long before the next month, while the new part is empty and the split is fast. */
const aheadMs = 45 * 86_400_000;
/** A partition in use gets its end this long before it is split. Until the split, later events cannot be written. */
const inUseAheadMs = 10 * 86_400_000;
const dayMs = 86_400_000;

/** Reads partitions from the names of their tables. The order does not matter. */
export function partitionsOf(parent: string, names: readonly string[]): EventPartition[] {
  const sorted = names.toSorted();
  const beginOf = (name: string | undefined) => {
    const [, year, month] = /_p([0-9]{4})_([0-9]{2})$/.exec(name ?? "") ?? [];
    return year === undefined ? undefined : new Date(Date.UTC(Number(year), Number(month) - 1));
  };
  if (sorted.some((name) => name !== `${parent}_before` && !beginOf(name)))
    throw new Error("a partition has another name");
  return sorted.map((name, index) => ({ name, begin: beginOf(name), end: beginOf(sorted[index + 1]) }));
}

/** Returns the table name of the partition that begins with a month. */
export function partitionName(parent: string, begin: Date): string {
  return `${parent}_p${begin.toISOString().slice(0, 7).replace("-", "_")}`;
}

/** Returns the month at which to split the last partition; undefined: not yet. */
export function divideAt(last: EventPartition, now: Date): Date | undefined {
  const { begin } = last;
  if (!begin || begin.getTime() > now.getTime() + aheadMs) return undefined;
  // If no job has run for a long time, the last partition is already in use and keeps its events.
  return monthAfter(begin > now ? begin : new Date(now.getTime() + inUseAheadMs));
}

/** Returns the partitions that hold only events older than `days` days. Empty when events are kept for ever. */
export function outdated(partitions: readonly EventPartition[], days: number | undefined, now: Date): EventPartition[] {
  if (days === undefined) return [];
  return partitions.filter(({ end }) => end !== undefined && end.getTime() <= now.getTime() - days * dayMs);
}

function monthAfter(time: Date): Date {
  return new Date(Date.UTC(time.getUTCFullYear(), time.getUTCMonth() + 1));
}
