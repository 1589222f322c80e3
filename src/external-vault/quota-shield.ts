// Keeps each connection of this process below the quota of its vault, and waits when the vault asks for it.
import { BoundedMap } from "../domain/bounded-map.ts";
import { failureOf, VaultError } from "./failure.ts";

export interface QuotaShield {
  /** Takes `count` calls. Fails with a VaultError, `rate_limited`, when they exceed the quota now. */
  spend(connection: string, calls: number): void;
  /** The vault refused calls for this many milliseconds; undefined: it gave no time. Returns the time to wait. */
  refused(connection: string, retryAfterMs: number | undefined): number;
  /** The vault answered. */
  answered(connection: string): void;
}

// The vendors allow 120 calls a minute and more for a token, and other clients may use the same token.
const callsAtOnceMax = 60;
const callsPerMinute = 90;
const backOffMinMs = 1_000;
const backOffMaxMs = 300_000;
const connectionsMax = 10_000;

interface Quota {
  calls: number;
  refillMs: number;
  blockedUntilMs: number;
  /** Consecutive refusals. */
  refusals: number;
}

export function createQuotaShield(nowMs: () => number): QuotaShield {
  const quotas = new BoundedMap<string, Quota>(connectionsMax);

  function quotaOf(connection: string): Quota {
    const now = nowMs();
    const known = quotas.get(connection);
    if (known) {
      known.calls = Math.min(callsAtOnceMax, known.calls + ((now - known.refillMs) * callsPerMinute) / 60_000);
      known.refillMs = now;
      return known;
    }
    const fresh = { calls: callsAtOnceMax, refillMs: now, blockedUntilMs: 0, refusals: 0 };
    quotas.set(connection, fresh);
    return fresh;
  }

  return {
    spend(connection, calls) {
      const quota = quotaOf(connection);
      const blockedMs = quota.blockedUntilMs - nowMs();
      if (blockedMs > 0) throw new VaultError(failureOf("rate_limited", Math.ceil(blockedMs)));
      // A request larger than the bucket passes when the bucket is full, and empties it.
      const missing = Math.min(calls, callsAtOnceMax) - quota.calls;
      if (missing > 0) throw new VaultError(failureOf("rate_limited", Math.ceil((missing * 60_000) / callsPerMinute)));
      quota.calls -= calls;
    },
    refused(connection, retryAfterMs) {
      const quota = quotaOf(connection);
      quota.refusals++;
      const backOffMs = retryAfterMs ?? backOffMinMs * 2 ** Math.min(quota.refusals - 1, 10);
      const waitMs = Math.min(backOffMaxMs, Math.max(backOffMinMs, backOffMs));
      quota.blockedUntilMs = Math.max(quota.blockedUntilMs, nowMs() + waitMs);
      return waitMs;
    },
    answered(connection) {
      quotaOf(connection).refusals = 0;
    },
  };
}
