// Counts how much a sandbox uses a secret: requests per minute and bytes per hour.
import { BoundedMap } from "../domain/bounded-map.ts";
import type { EgressLimits } from "../domain/egress/egress-rule.ts";
import type { SharedCount } from "../domain/shared-count.ts";
import { createWindowCount, type WindowCount } from "./window-count.ts";

export interface UsageLimits {
  requestsPerMinute: number | undefined;
  bytesPerHour: number | undefined;
}

export interface Meter {
  /** Counts bytes. Returns false when the limit is exceeded. */
  addBytes(count: number): boolean;
}

/** The limit that is exceeded. */
export interface Exceeded {
  code: "rate_limited" | "byte_cap_reached";
  /** The time until the window ends. */
  retryAfterMs: number;
}

export interface Usage {
  /** Counts a request. Returns the limit that it would exceed. */
  begin(key: string, limits: Pick<EgressLimits, "requestsPerMinute" | "bytesPerHour">): Promise<Meter | Exceeded>;
  /** Adds the pending counts to those that processes share. */
  flush(): Promise<void>;
}

/** Makes a count that processes share. */
export type ShareCount = (name: string, windowMs: number) => SharedCount;

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const keysMax = 100_000;

interface Counted {
  requests: WindowCount;
  bytes: WindowCount;
}

const unlimited: Meter = { addBytes: () => true };

/**
 * No rule allows more than `most`. With `share`, requests are counted exactly, and bytes with a delay of a tenth of a second. Without
 * it, and while Redis does not answer, this process counts for itself.
 */
export function createUsage(
  most: UsageLimits,
  share?: ShareCount,
  nowMs: () => number = () => performance.now(),
): Usage {
  const counted = new BoundedMap<string, Counted>(keysMax);
  const requestsOfAll = share?.("egress-requests", minuteMs);
  const bytesOfAll = share?.("egress-bytes", hourMs);

  function countedOf(key: string): Counted {
    const found = counted.get(key);
    if (found) return found;
    const made = {
      requests: createWindowCount(minuteMs, requestsOfAll && ((count) => requestsOfAll.add(key, count)), nowMs),
      bytes: createWindowCount(hourMs, bytesOfAll && ((count) => bytesOfAll.add(key, count)), nowMs),
    };
    counted.set(key, made);
    return made;
  }

  return {
    async begin(key, limits) {
      const requestsMax = lower(limits.requestsPerMinute, most.requestsPerMinute);
      const bytesMax = lower(limits.bytesPerHour, most.bytesPerHour);
      if (requestsMax === Infinity && bytesMax === Infinity) return unlimited;
      const { requests, bytes } = countedOf(key);
      const tooMany = (): Exceeded => ({ code: "rate_limited", retryAfterMs: requests.leftMs() });
      const tooMuch = (): Exceeded => ({ code: "byte_cap_reached", retryAfterMs: bytes.leftMs() });
      // The counts of this process may already exceed the limit.
      if (requests.count() >= requestsMax) return tooMany();
      if (bytes.count() >= bytesMax) return tooMuch();
      const [request] = await Promise.all([
        requestsMax === Infinity ? 0 : requests.next(),
        bytesMax === Infinity ? undefined : bytes.share(),
      ]);
      if (request > requestsMax) return tooMany();
      if (bytes.count() >= bytesMax) return tooMuch();
      return {
        addBytes(count) {
          bytes.add(count);
          return bytes.count() <= bytesMax;
        },
      };
    },
    async flush() {
      await Promise.all([...counted.values()].map(({ bytes }) => bytes.flush()));
    },
  };
}

/** Returns Infinity when neither is a limit. */
function lower(one = Infinity, other = Infinity): number {
  return Math.min(one, other);
}
