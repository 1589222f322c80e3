// Counts of windows of time that processes share; where Redis does not answer, nobody does.
import { RateLimiterRedis } from "rate-limiter-flexible";
import type { SharedCount } from "../domain/shared-count.ts";
import type { RedisConnection } from "./connection.ts";

export function createSharedCount(
  name: string,
  windowMs: number,
  { redis, prefix }: { redis: RedisConnection; prefix: string },
): SharedCount {
  const counter = new RateLimiterRedis({
    storeClient: redis.client,
    keyPrefix: `${prefix}:${name}`,
    // It counts, and refuses nothing.
    points: Number.MAX_SAFE_INTEGER,
    duration: windowMs / 1_000,
  });
  return {
    add: (key, count) =>
      redis.run(
        async () => {
          const { consumedPoints, msBeforeNext } = await counter.penalty(key, count);
          return { count: consumedPoints, leftMs: Math.max(0, msBeforeNext) };
        },
        () => undefined,
      ),
  };
}
