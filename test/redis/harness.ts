// Shared by the tests of Redis: a server of their own, and connections to it that end with the test.
import { afterAll, beforeAll, onTestFinished } from "vitest";
import { connectRedis, type RedisConnection, type RedisState } from "../../src/redis/connection.ts";
import type { RedisClient } from "../../src/redis/open-client.ts";
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
  /** As they were told. */
  states: RedisState[];
}

/** Ready for commands, unless told not to wait. */
export async function open({ url }: { url: string }, wait = true): Promise<OpenConnection> {
  const states: RedisState[] = [];
  const connection = connectRedis(url, { prefix: "test", onStateChange: (state) => states.push(state) });
  onTestFinished(connection.close);
  if (wait) await until("redis is connected", async () => states.at(-1)?.is === "up");
  return { ...connection, states };
}

export const ping = (client: RedisClient) => client.ping();
