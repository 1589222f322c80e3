// The way to Redis: short time-outs, no queue and a breaker, so that a Redis that is dead, slow or stopped costs next to nothing.
import { Redis } from "ioredis";

export interface RedisConnection {
  readonly client: Redis;
  /** The command's answer, or the fallback's when Redis fails, or has failed within the last second. */
  run<T>(command: (client: Redis) => Promise<T>, fallback: () => T | Promise<T>): Promise<T>;
  close(): void;
}

const commandTimeoutMs = 50;
const connectTimeoutMs = 1_000;
const reconnectDelayMsMax = 1_000;
const breakerMs = 1_000;

/** Connects in the background and for ever again; what cannot be sent at once fails at once. */
export function connectRedis(
  url: string,
  options: { password?: string | undefined; onStateChange: (isUp: boolean) => void },
): RedisConnection {
  const client = new Redis(url, {
    ...(options.password === undefined ? {} : { password: options.password }),
    commandTimeout: commandTimeoutMs,
    connectTimeout: connectTimeoutMs,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    enableAutoPipelining: true,
    retryStrategy: (times) => Math.min(times * 100, reconnectDelayMsMax),
  });
  let isUp: boolean | undefined;
  const report = (nowUp: boolean) => {
    if (isUp === nowUp) return;
    isUp = nowUp;
    options.onStateChange(nowUp);
  };
  client.on("ready", () => report(true));
  client.on("close", () => report(false));
  // Said by "close" as well; without a listener an error would end the process.
  client.on("error", () => report(false));

  let brokenUntilMs = 0;
  return {
    client,
    async run(command, fallback) {
      if (client.status !== "ready" || performance.now() < brokenUntilMs) return fallback();
      try {
        return await command(client);
      } catch {
        brokenUntilMs = performance.now() + breakerMs;
        return fallback();
      }
    },
    close: () => client.disconnect(),
  };
}
