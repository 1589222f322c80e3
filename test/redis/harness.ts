// What the tests of Redis share: a server of their own, and connections to it that end with the test.
import type { Redis } from "ioredis";
import { afterAll, beforeAll, onTestFinished } from "vitest";
import { connectRedis, type RedisConnection } from "../../src/redis/connection.ts";
import { until } from "../support/poll.ts";
import { startTestRedis, type TestRedis } from "../support/redis.ts";

export function useRedis(): TestRedis {
  const redis = {} as TestRedis;
  let own: TestRedis;
  beforeAll(async () => {
    own = await startTestRedis({ own: true });
    Object.defineProperties(redis, Object.getOwnPropertyDescriptors(own));
  });
  afterAll(() => own.stop());
  return redis;
}

export interface OpenConnection extends RedisConnection {
  /** Up and down, as they were told. */
  states: boolean[];
}

/** Ready for commands, unless told not to wait. */
export async function open({ url }: { url: string }, wait = true): Promise<OpenConnection> {
  const states: boolean[] = [];
  const connection = connectRedis(url, { onStateChange: (isUp) => states.push(isUp) });
  onTestFinished(connection.close);
  if (wait) await until("redis is connected", async () => connection.client.status === "ready");
  return { ...connection, states };
}

export const ping = (client: Redis) => client.ping();
