// How much a sandbox has used a secret: requests a minute and bytes an hour, counted in this process.
import type { EgressLimits } from "../domain/egress/egress-rule.ts";

export interface UsageLimits {
  requestsPerMinute: number | undefined;
  bytesPerHour: number | undefined;
}

export interface Meter {
  /** Counts bytes, and says whether there are some left. */
  addBytes(count: number): boolean;
}

/** One request, or byte, too many. */
export interface Exceeded {
  code: "rate_limited" | "byte_cap_reached";
  /** Until there are some again. */
  retryAfterMs: number;
}

export interface Usage {
  /** Counts a request, unless it is one too many. */
  begin(key: string, limits: EgressLimits): Meter | Exceeded;
}

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const keysMax = 100_000;

interface Counted {
  minuteEnd: number;
  requests: number;
  hourEnd: number;
  bytes: number;
}

const unlimited: Meter = { addBytes: () => true };

/** No rule allows more than `most`. `nowMs` is a monotonic clock. A minute and an hour begin with the first request. */
export function createUsage(most: UsageLimits, nowMs: () => number = () => performance.now()): Usage {
  const counted = new Map<string, Counted>();

  function currentOf(key: string): Counted {
    const now = nowMs();
    const found = counted.get(key) ?? { minuteEnd: 0, requests: 0, hourEnd: 0, bytes: 0 };
    if (now >= found.minuteEnd) Object.assign(found, { minuteEnd: now + minuteMs, requests: 0 });
    if (now >= found.hourEnd) Object.assign(found, { hourEnd: now + hourMs, bytes: 0 });
    if (!counted.has(key) && counted.size >= keysMax) counted.delete(counted.keys().next().value as string);
    counted.set(key, found);
    return found;
  }

  return {
    begin(key, limits) {
      const requestsMax = lower(limits.requestsPerMinute, most.requestsPerMinute);
      const bytesMax = lower(limits.bytesPerHour, most.bytesPerHour);
      if (requestsMax === undefined && bytesMax === undefined) return unlimited;
      const current = currentOf(key);
      if (requestsMax !== undefined && current.requests >= requestsMax) {
        return { code: "rate_limited", retryAfterMs: current.minuteEnd - nowMs() };
      }
      if (bytesMax !== undefined && current.bytes >= bytesMax) {
        return { code: "byte_cap_reached", retryAfterMs: current.hourEnd - nowMs() };
      }
      current.requests++;
      if (bytesMax === undefined) return unlimited;
      return {
        addBytes(count) {
          const now = currentOf(key);
          now.bytes += count;
          return now.bytes <= bytesMax;
        },
      };
    },
  };
}

/** Undefined when neither is a limit. */
function lower(one: number | undefined, other: number | undefined): number | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return Math.min(one, other);
}
