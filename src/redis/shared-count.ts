// Counts in time windows that processes share through Redis. Undefined when Redis does not answer.
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
    // Without a limit: it only counts.
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
