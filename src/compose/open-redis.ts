// The connection to Redis where one is configured.
import type { Config } from "../config/config.ts";
import { connectRedis, type RedisConnection } from "../redis/connection.ts";
import type { Logger } from "./log.ts";

export function openRedis(config: Config, log: Logger): RedisConnection | undefined {
  if (config.redisUrl === undefined) return undefined;
  let wasRefusing = false;
  return connectRedis(config.redisUrl, {
    password: config.redisPassword,
    sentinelPassword: config.redisSentinelPassword,
    prefix: config.redisPrefix,
    onStateChange(state) {
      if (state.is === "up") {
        log.info(wasRefusing ? "redis works again" : "redis is connected");
      } else {
        const what = state.is === "down" ? "is unavailable" : "refuses commands";
        log.warn({ cause: state.cause }, `redis ${what}; this instance counts limits for itself`);
      }
      wasRefusing = state.is === "refusing";
    },
  });
}
