// Creates the client for a Redis server, for a primary found by Sentinels, or for a cluster.
import { Cluster, Redis, type RedisCommander, type RedisOptions } from "ioredis";
import { readRedisUrl } from "./redis-url.ts";

/** The common part of a server's client and a cluster's client. */
export interface RedisClient extends RedisCommander {
  readonly status: string;
  on(event: string, listener: (error: Error) => void): unknown;
  disconnect(reconnect?: boolean): void;
}

export interface ClientOptions {
  /** Overrides the password in the URL. */
  password?: string | undefined;
  /** The password of the Sentinels themselves. */
  sentinelPassword?: string | undefined;
}

export const commandTimeoutMs = 50;
const connectTimeoutMs = 1_000;
const reconnectDelayMsMax = 1_000;

const connectionOptions = {
  commandTimeout: commandTimeoutMs,
  connectTimeout: connectTimeoutMs,
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
  enableAutoPipelining: true,
  keepAlive: 10_000,
} satisfies RedisOptions;

const retryStrategy = (times: number) => Math.min(times * 100, reconnectDelayMsMax);

/** Connects in the background and reconnects without end. Commands that cannot be sent at once fail at once. */
export function openClient(url: string, { password, sentinelPassword }: ClientOptions): RedisClient {
  const options = { ...connectionOptions, enableOfflineQueue: false, retryStrategy };
  const target = readRedisUrl(url);
  if (!target || target.kind === "single") {
    return new Redis(url, { ...options, ...(password === undefined ? {} : { password }) });
  }
  const { nodes, username, tls } = target;
  const secret = password ?? target.password;
  const access = {
    ...(username === undefined ? {} : { username }),
    ...(secret === undefined ? {} : { password: secret }),
    ...(tls ? { tls: {} } : {}),
  };
  if (target.kind === "sentinel") {
    return new Redis({
      ...options,
      ...access,
      sentinels: [...nodes],
      name: target.name,
      db: target.db,
      sentinelRetryStrategy: retryStrategy,
      ...(sentinelPassword === undefined ? {} : { sentinelPassword }),
      enableTLSForSentinelMode: tls,
      ...(tls ? { sentinelTLS: {} } : {}),
    });
  }
  return new Cluster([...nodes], {
    redisOptions: { ...connectionOptions, ...access },
    enableOfflineQueue: false,
    enableAutoPipelining: true,
    clusterRetryStrategy: retryStrategy,
    slotsRefreshTimeout: connectTimeoutMs,
    slotsRefreshInterval: 1_000,
  });
}
