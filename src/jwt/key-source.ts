// The keys of one issuer: fetched on demand, cached while fresh, with a limit on the rate of requests.
import type { LocalJWKSet } from "jose";
import { CofferError } from "../domain/error/errors.ts";
import { parseKeySet } from "./key-set.ts";

/** The object stays the same while the text of the set does not change. */
export interface Keys {
  readonly set: LocalJWKSet;
}

export interface KeySource {
  /** Returns the keys, and fetches them when there are none or they are too old. Fails with ISSUER_UNAVAILABLE. */
  current(): Promise<Keys>;
  /**
   * For a key that `used` lacks: other keys, or undefined when there are none. Asks the issuer once, and then not again for half
   * a minute, whoever asks. Fails with ISSUER_UNAVAILABLE when the issuer did not answer.
   */
  newer(used: Keys): Promise<Keys | undefined>;
  /** Whether JWTs that these keys verified are still valid. */
  isCurrent(keys: Keys): boolean;
}

export interface KeySourceOptions {
  load: () => Promise<string>;
  /** Keys older than this are not used. */
  maxAgeMs: number;
  onFailure: (error: unknown) => void;
  /** A monotonic clock. */
  nowMs: () => number;
}

const refreshAfterMs = 5 * 60_000;
const retryAfterMs = 5_000;
const unknownKeyCoolDownMs = 30_000;

export function createKeySource({ load, maxAgeMs, onFailure, nowMs }: KeySourceOptions): KeySource {
  let kept: { keys: Keys; text: string; loadedMs: number } | undefined;
  let loading: Promise<Keys> | undefined;
  let failedMs = Number.NEGATIVE_INFINITY;
  let unknownKeyMs = Number.NEGATIVE_INFINITY;

  const isUsable = () => kept !== undefined && nowMs() - kept.loadedMs < maxAgeMs;
  const mayRetry = () => nowMs() - failedMs >= retryAfterMs;

  async function loadNow(): Promise<Keys> {
    // Count the age from the request, so that keys are never older than the limit.
    const loadedMs = nowMs();
    try {
      const text = await load();
      const keys = kept?.text === text ? kept.keys : { set: parseKeySet(text) };
      kept = { keys, text, loadedMs };
      failedMs = Number.NEGATIVE_INFINITY;
      return keys;
    } catch (cause) {
      failedMs = nowMs();
      onFailure(cause);
      throw unavailable(cause);
    } finally {
      loading = undefined;
    }
  }

  /** Callers share a running request. */
  const fetchKeys = () => {
    loading ??= loadNow();
    return loading;
  };

  return {
    async current() {
      if (!kept || !isUsable()) {
        if (!mayRetry()) throw unavailable();
        return fetchKeys();
      }
      const isAging = nowMs() - kept.loadedMs >= Math.min(refreshAfterMs, maxAgeMs / 2);
      // Refresh in the background: the current keys are used until they are too old.
      if (isAging && mayRetry()) fetchKeys().catch(() => {});
      return kept.keys;
    },
    async newer(used) {
      if (kept && kept.keys !== used) return kept.keys;
      if (!loading) {
        if (nowMs() - unknownKeyMs < unknownKeyCoolDownMs) {
          if (failedMs === Number.NEGATIVE_INFINITY) return undefined;
          throw unavailable();
        }
        unknownKeyMs = nowMs();
      }
      const keys = await fetchKeys();
      return keys === used ? undefined : keys;
    },
    isCurrent: (keys) => kept?.keys === keys && isUsable(),
  };
}

function unavailable(cause?: unknown): CofferError {
  const message = "the issuer of the credential cannot be asked for its keys";
  return new CofferError("ISSUER_UNAVAILABLE", message, {}, { cause, retryDelayMs: retryAfterMs });
}
