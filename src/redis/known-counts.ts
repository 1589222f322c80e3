// Remembers the highest count of each subject's window, so that a Redis that is emptied in its middle does not start it anew.

export interface KnownCounts {
  /**
   * The count that holds for the subject's window, and its end: `count` and `leftMs` are Redis's, asked for at `startMs` on the
   * monotonic clock, with `points` of this call in them.
   */
  hold(subject: string, points: number, redis: { count: number; leftMs: number }, startMs: number): Held;
  /** Points that were given back. */
  giveBack(subject: string, points: number): void;
}

export interface Held {
  count: number;
  leftMs: number;
}

const subjectsMax = 10_000;

export function createKnownCounts(): KnownCounts {
  const windows = new Map<string, { count: number; endMs: number }>();
  return {
    hold(subject, points, redis, startMs) {
      const known = windows.get(subject);
      if (known && startMs < known.endMs && redis.count < known.count + points) {
        known.count += points;
        return { count: known.count, leftMs: known.endMs - startMs };
      }
      if (!known && windows.size >= subjectsMax) windows.clear();
      // Counted from before the call, so that it ends no later than Redis's.
      windows.set(subject, { count: redis.count, endMs: startMs + redis.leftMs });
      return redis;
    },
    giveBack(subject, points) {
      const known = windows.get(subject);
      if (known) known.count -= points;
    },
  };
}
