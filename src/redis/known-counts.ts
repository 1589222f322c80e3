// Remembers the highest count of each subject's window, so that the window does not start again when Redis is emptied.
import { BoundedMap } from "../domain/bounded-map.ts";

export interface KnownCounts {
  /**
   * Returns the valid count of the subject's window, and its end. `count` and `leftMs` come from Redis, which was asked at `startMs` on
   * the monotonic clock; they include the `points` of this call.
   */
  hold(subject: string, points: number, redis: { count: number; leftMs: number }, startMs: number): Held;
  /** Subtracts points that were given back. */
  giveBack(subject: string, points: number): void;
}

export interface Held {
  count: number;
  leftMs: number;
}

const subjectsMax = 10_000;

export function createKnownCounts(): KnownCounts {
  const windows = new BoundedMap<string, { count: number; endMs: number }>(subjectsMax);
  return {
    hold(subject, points, redis, startMs) {
      const known = windows.get(subject);
      if (known && startMs < known.endMs && redis.count < known.count + points) {
        known.count += points;
        return { count: known.count, leftMs: known.endMs - startMs };
      }
      // Measured from before the call, so that it does not end later than the window in Redis.
      windows.set(subject, { count: redis.count, endMs: startMs + redis.leftMs });
      return redis;
    },
    giveBack(subject, points) {
      const known = windows.get(subject);
      if (known) known.count -= points;
    },
  };
}
