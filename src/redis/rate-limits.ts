// Rate limits: shared through Redis; each instance counts alone when Redis is missing or unavailable.
import { RateLimiterRedis, RateLimiterRes } from "rate-limiter-flexible";
import type { FailureLimit, FailureLimits } from "../domain/failure-limit.ts";
import type { RedisConnection } from "./connection.ts";
import { createKnownCounts, type Held } from "./known-counts.ts";
import { type Counter, type CreateCounter, ownCounter } from "./worker-limits.ts";

/** The state of a subject's limit. */
export interface RateLimitState {
  allowed: boolean;
  /** Points a second. */
  limit: number;
  remaining: number;
  /** In whole milliseconds when the call is refused. */
  resetMs: number;
}

/** Takes points from a subject's limit. */
export interface RateLimit {
  /** Takes at most the points of one second, so that a large call is not refused for ever. */
  take(subject: string, points: number): Promise<RateLimitState>;
  /** Takes points without a round trip; undefined if one is needed, and then nothing was taken. */
  takeNow(subject: string, points: number): RateLimitState | undefined;
  /** Returns points of a call that another limit refused. Their second ends at `untilMs` on the monotonic clock. */
  giveBack(subject: string, points: number, untilMs: number): Promise<void>;
}

const windowMs = 1_000;

/** Allows `limit` points a second for each subject. With Redis all instances share it; without an answer each counts alone. */
export function createRateLimit(
  name: string,
  limit: number,
  shared: { redis: RedisConnection; prefix: string } | undefined,
  createCounter: CreateCounter = ownCounter,
): RateLimit {
  const own = createCounter({ keyPrefix: name, points: limit, duration: 1 });
  const limiter =
    shared &&
    new RateLimiterRedis({
      storeClient: shared.redis.client,
      keyPrefix: `${shared.prefix}:${name}`,
      points: limit,
      duration: 1,
    });

  const known = createKnownCounts();

  async function count(which: Counter, subject: string, points: number): Promise<Held> {
    // A refusal is an answer, not a failure.
    const { consumedPoints, msBeforeNext } = await which.consume(subject, points).catch(refusalOrThrow);
    return { count: consumedPoints, leftMs: Math.max(0, msBeforeNext) };
  }

  async function countShared(which: Counter, subject: string, points: number): Promise<Held> {
    const startMs = performance.now();
    return known.hold(subject, points, await count(which, subject, points), startMs);
  }

  return {
    async take(subject, points) {
      const taken = Math.min(points, limit);
      const countOwn = () => count(own, subject, taken);
      const state = limiter
        ? await shared.redis.run(() => countShared(limiter, subject, taken), countOwn)
        : await countOwn();
      return {
        allowed: state.count <= limit,
        limit,
        remaining: Math.max(0, limit - state.count),
        // Counters of this process measure by the wall clock, which may be set back. A window lasts a second.
        resetMs: Math.min(windowMs, state.leftMs),
      };
    },
    takeNow: () => undefined,
    async giveBack(subject, points) {
      const given = Math.min(points, limit);
      const giveOwn = () => own.reward(subject, given);
      known.giveBack(subject, given);
      await (limiter ? shared.redis.run(() => limiter.reward(subject, given), giveOwn) : giveOwn());
    },
  };
}

function refusalOrThrow(error: unknown): RateLimiterRes {
  if (error instanceof RateLimiterRes) return error;
  throw error;
}

/** Look-ups are limited to protect the database. Guessing 160 random bits is impossible, and many honest clients share a NAT. */
const lookupsPerMalformed = 10;

export function createFailureLimits(failuresPerMinute: number, createCounter?: CreateCounter): FailureLimits {
  return {
    malformed: createFailureLimit("failure", failuresPerMinute, createCounter),
    lookups: createFailureLimit("failed-lookup", failuresPerMinute * lookupsPerMalformed, createCounter),
  };
}

/** Allows `failuresPerMinute` for each address. */
export function createFailureLimit(
  name: string,
  failuresPerMinute: number,
  createCounter: CreateCounter = ownCounter,
): FailureLimit {
  const limiter = createCounter({ keyPrefix: name, points: failuresPerMinute, duration: 60 });
  return {
    async blockedForMs(address) {
      const state = await limiter.get(networkOf(address));
      return state && state.consumedPoints >= failuresPerMinute ? state.msBeforeNext : undefined;
    },
    async count(address) {
      await limiter.penalty(networkOf(address));
    },
  };
}

/** Returns an IPv4 address, or the /64 of an IPv6 address: a client with one address of a /64 usually has all of them. */
export function networkOf(address: string): string {
  if (!address.includes(":")) return address;
  const [head = "", tail = ""] = address.split("::");
  const headGroups = head === "" ? [] : head.split(":");
  const tailGroups = tail === "" ? [] : tail.split(":");
  const zeros = address.includes("::") ? Math.max(0, 8 - headGroups.length - tailGroups.length) : 0;
  return [...headGroups, ...new Array<string>(zeros).fill("0"), ...tailGroups].slice(0, 4).join(":");
}
