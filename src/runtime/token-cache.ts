// Token records in memory for a few seconds; a revocation empties their place at once, and the time limit does when it is lost.
import type { TokenRecord } from "../store/api-tokens.ts";

export interface TokenCache {
  /** The record, loaded when it is not here or too old; undefined when there is no such token. */
  get(lookupId: string, load: () => Promise<TokenRecord | undefined>): Promise<TokenRecord | undefined>;
  /** Whether there was such a token a while ago: unlike a guess, it may be looked up again. */
  knows(lookupId: string): boolean;
  drop(lookupId: string): void;
  /** Makes every record too old. */
  clear(): void;
}

const keptMs = 5_000;
const recordsMax = 50_000;

/** `nowMs` is a monotonic clock. Concurrent calls with one token share one lookup. */
export function createTokenCache(nowMs: () => number = () => performance.now()): TokenCache {
  const kept = new Map<string, { until: number; record: Promise<TokenRecord | undefined> }>();

  const fresh = (lookupId: string) => {
    const entry = kept.get(lookupId);
    return entry && nowMs() < entry.until ? entry : undefined;
  };

  return {
    get(lookupId, load) {
      const found = fresh(lookupId);
      if (found) return found.record;
      // Counted from before the lookup, so that a record is never older than the limit.
      const entry = { until: nowMs() + keptMs, record: load() };
      const forget = () => {
        if (kept.get(lookupId) === entry) kept.delete(lookupId);
      };
      entry.record.then((record) => {
        // Tokens that do not exist are not kept: guesses must not fill the memory.
        if (!record) forget();
        else if (record.expiresInMs !== undefined) entry.until = Math.min(entry.until, nowMs() + record.expiresInMs);
      }, forget);
      kept.delete(lookupId);
      if (kept.size >= recordsMax) kept.delete(kept.keys().next().value as string);
      kept.set(lookupId, entry);
      return entry.record;
    },
    knows: (lookupId) => kept.has(lookupId),
    drop: (lookupId) => void kept.delete(lookupId),
    clear() {
      for (const entry of kept.values()) entry.until = Number.NEGATIVE_INFINITY;
    },
  };
}
