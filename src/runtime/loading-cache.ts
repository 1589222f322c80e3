// Keeps loaded values for a limited time. Callers that ask for the same key at the same time share one load.
import { BoundedMap } from "../domain/bounded-map.ts";

export interface LoadingCache<V> {
  /** Loads the value unless it is here and fresh. Neither a failure nor undefined is kept: guesses must not fill the memory. */
  get(key: string, load: () => Promise<V>): Promise<V>;
  /** Returns the value if it is loaded and fresh. */
  getNow(key: string): V | undefined;
  /** Whether the key had a value lately, or is being loaded. */
  has(key: string): boolean;
  delete(key: string): void;
  /** Makes every value too old, and keeps the keys. */
  expireAll(): void;
}

interface Options<V> {
  lifeMs: number;
  sizeMax: number;
  /** A shorter life of this value, from when it is loaded; undefined: `lifeMs`. */
  leftMs?: (value: V) => number | undefined;
  /** A monotonic clock. */
  nowMs?: (() => number) | undefined;
}

interface Kept<V> {
  untilMs: number;
  value: Promise<V>;
  loaded: V | undefined;
}

export function createLoadingCache<V>(options: Options<V>): LoadingCache<V> {
  const { lifeMs, sizeMax, leftMs = () => undefined, nowMs = () => performance.now() } = options;
  const kept = new BoundedMap<string, Kept<V>>(sizeMax);

  function fresh(key: string): Kept<V> | undefined {
    const found = kept.get(key);
    if (!found || nowMs() >= found.untilMs) return undefined;
    // A full cache evicts what was not used for the longest time. Until then no order is needed.
    if (kept.size >= sizeMax) kept.set(key, found);
    return found;
  }

  return {
    getNow: (key) => fresh(key)?.loaded,
    get(key, load) {
      const found = fresh(key);
      if (found) return found.value;
      // Measured from before the load, so that no value is older than the limit.
      const entry: Kept<V> = { untilMs: nowMs() + lifeMs, value: load(), loaded: undefined };
      const forget = () => {
        if (kept.get(key) === entry) kept.delete(key);
      };
      entry.value.then((value) => {
        if (value === undefined) return forget();
        entry.loaded = value;
        const ms = leftMs(value);
        if (ms !== undefined) entry.untilMs = Math.min(entry.untilMs, nowMs() + ms);
      }, forget);
      kept.set(key, entry);
      return entry.value;
    },
    has: (key) => kept.has(key),
    delete: (key) => void kept.delete(key),
    expireAll() {
      for (const entry of kept.values()) entry.untilMs = Number.NEGATIVE_INFINITY;
    },
  };
}
