// Remembers what was used in the current interval, so that its time is stored once in that interval, soon after the first use.
import type { Ago } from "../store/last-times.ts";

export interface LastTimes<T> {
  /** The item, which the key identifies, was used now. */
  note(key: string, item: T): void;
  /** Writes the pending times. */
  flush(): Promise<void>;
}

export interface LastTimesOptions {
  /** A stored time is earlier than the last use by this at most. */
  intervalMs: number;
  /** Called with the error of a failed write. */
  onLost: (error: unknown) => void;
}

/** The default of `intervalMs`. */
export const lastTimesIntervalMs = 60_000;
const delayMs = 1_000;
const itemsPerStatementMax = 1_000;
/** Beyond this, items are forgotten and written again. */
const rememberedMax = 100_000;

/** A crash may lose pending times; the audit trail has every use. `write` gets items in the order of their keys. */
export function createLastTimes<T>(
  write: (items: Ago<T>[]) => Promise<void>,
  { intervalMs, onLost }: LastTimesOptions,
): LastTimes<T> {
  const remembered = new Set<string>();
  let pending = new Map<string, { item: T; usedMs: number }>();
  let flushing: NodeJS.Timeout | undefined;
  let forgetting: NodeJS.Timeout | undefined;
  let writing = Promise.resolve();

  function forget(): void {
    clearTimeout(forgetting);
    forgetting = undefined;
    remembered.clear();
  }

  /** After the writes that are under way, so that it resolves when nothing is pending. */
  function flush(): Promise<void> {
    clearTimeout(flushing);
    flushing = undefined;
    writing = writing.then(writePending);
    return writing;
  }

  async function writePending(): Promise<void> {
    // Sorted, so that two instances lock rows in the same order and cannot deadlock.
    const items = [...pending].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, used]) => used);
    pending = new Map();
    for (let start = 0; start < items.length; start += itemsPerStatementMax) {
      const nowMs = performance.now();
      const some = items.slice(start, start + itemsPerStatementMax);
      await write(some.map(({ item, usedMs }) => ({ item, agoMs: nowMs - usedMs }))).catch((error: unknown) => {
        // The next use is written without waiting for the end of the interval.
        forget();
        onLost(error);
      });
    }
  }

  return {
    note(key, item) {
      if (remembered.has(key)) return;
      if (remembered.size >= rememberedMax) forget();
      remembered.add(key);
      // While nothing can be written, more would only fill the memory.
      if (pending.size < rememberedMax) pending.set(key, { item, usedMs: performance.now() });
      flushing ??= setTimeout(() => void flush(), delayMs).unref();
      forgetting ??= setTimeout(forget, intervalMs).unref();
    },
    flush,
  };
}
