// Keeps token records in memory for a few seconds. A notification of a revocation removes the record at once.
import type { TokenRecord } from "../store/api-tokens.ts";
import { createLoadingCache } from "./loading-cache.ts";

export interface TokenCache {
  /** Returns the record, at most five seconds old; undefined when there is no such token. */
  get(lookupId: string, load: () => Promise<TokenRecord | undefined>): Promise<TokenRecord | undefined>;
  /** Returns the record if it is loaded and as fresh. */
  getNow(lookupId: string): TokenRecord | undefined;
  /** Whether there was such a token: unlike a guess, it may be looked up again. */
  knows(lookupId: string): boolean;
  drop(lookupId: string): void;
  /** Makes every record too old. */
  clear(): void;
}

const keptMs = 5_000;
const recordsMax = 50_000;

/** `nowMs` is a monotonic clock. */
export function createTokenCache(nowMs?: () => number): TokenCache {
  const records = createLoadingCache<TokenRecord | undefined>({
    lifeMs: keptMs,
    sizeMax: recordsMax,
    leftMs: (record) => record?.expiresInMs,
    nowMs,
  });
  return {
    get: records.get,
    getNow: records.getNow,
    knows: records.has,
    drop: records.delete,
    clear: records.expireAll,
  };
}
