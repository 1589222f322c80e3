// The connection to Redis where one is configured.
import type { Config } from "./config.ts";
import type { Logger } from "./log.ts";
import { connectRedis, type RedisConnection } from "./redis/connection.ts";

export function openRedis(config: Config, log: Logger): RedisConnection | undefined {
  if (config.redisUrl === undefined) return undefined;
  return connectRedis(config.redisUrl, {
    password: config.redisPassword,
    onStateChange: (isUp) =>
      isUp ? log.info("redis is connected") : log.warn("redis is away; limits are this instance's own"),
  });
}
