// Redis stopped, woken, killed, restarted, emptied and filled with garbage under load: nobody notices, and nothing is there twice.
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startCoffer, type TestCoffer } from "../support/coffer.ts";
import { until } from "../support/poll.ts";
import { startTestRedis, type TestRedis } from "../support/redis.ts";
import { byId } from "../support/secrets.ts";
import { problemsOfKeys, problemsOfValues, type Seen } from "./checks.ts";
import { createWithKey, readValues, storedKeys, valueFor } from "./scenarios.ts";

let redis: TestRedis;
let instances: TestCoffer[] = [];
beforeAll(async () => {
  redis = await startTestRedis({ own: true });
  const first = await startCoffer({ redisUrl: redis.url });
  instances = [first, await startCoffer({ redisUrl: redis.url, besides: first })];
});
afterAll(async () => {
  for (const coffer of instances.toReversed()) await coffer.close();
  await redis.stop();
});

/** Puts another type of value in the place of everything that coffer keeps there. */
async function fillWithGarbage(): Promise<number> {
  const client = new Redis(redis.url);
  const garbage = [
    (key: string) => client.multi().del(key).lpush(key, "garbage"),
    (key: string) => client.multi().del(key).hset(key, "garbage", "garbage"),
    (key: string) => client.multi().del(key).set(key, "garbage"),
    (key: string) => client.multi().del(key).zadd(key, 1, "garbage"),
  ];
  try {
    const keys = await client.keys("*");
    for (const [index, key] of keys.entries()) {
      await garbage[index % garbage.length]?.(key).exec();
    }
    return keys.length;
  } finally {
    client.disconnect();
  }
}

interface Load {
  answers: Seen[];
  failures: unknown[];
  slowestMs: number;
}

/** Creates, each sent to both instances and repeated, and reads, until it is told to end. */
async function runLoad(isDone: () => boolean): Promise<Load> {
  const load: Load = { answers: [], failures: [], slowestMs: 0 };
  const clients = instances.map((coffer) => coffer.clients().secrets);
  const timed = async <T>(call: Promise<T>): Promise<T> => {
    const start = performance.now();
    try {
      return await call;
    } finally {
      load.slowestMs = Math.max(load.slowestMs, performance.now() - start);
    }
  };
  let keys = 0;
  const worker = async () => {
    while (!isDone()) {
      const key = `load-${keys++}`;
      const calls = [...clients, ...clients].map((secrets) => timed(createWithKey(secrets, key)));
      for (const result of await Promise.allSettled(calls)) {
        if (result.status === "fulfilled") load.answers.push(result.value);
        else load.failures.push(result.reason);
      }
      const { id } = load.answers.at(-1) ?? { id: "" };
      const [read] = await Promise.allSettled([
        timed((clients[keys % 2] ?? clients[0])?.getSecretValue(byId(id)) as never),
      ]);
      if (read?.status === "rejected") load.failures.push(read.reason);
      // Once more, after something may have happened to Redis.
      const [late] = await Promise.allSettled([timed(createWithKey(clients[0] as never, key))]);
      if (late?.status === "fulfilled") load.answers.push(late.value);
      else load.failures.push(late?.reason);
    }
  };
  await Promise.all(Array.from({ length: 4 }, worker));
  return load;
}

describe("under a load of creates and reads on two instances", () => {
  it("no request fails, no secret is there twice, and every value reads back, whatever becomes of Redis", async () => {
    let done = false;
    const running = runLoad(() => done);
    await sleep(300);
    await redis.kill("SIGSTOP");
    await sleep(1_300);
    await redis.kill("SIGCONT");
    await sleep(500);
    await redis.kill("SIGKILL");
    await sleep(500);
    await redis.restart();
    await sleep(1_300);
    await redis.flush();
    await sleep(300);
    const spoiled = await fillWithGarbage();
    await sleep(300);
    await fillWithGarbage();
    await sleep(1_200);
    done = true;
    const { answers, failures, slowestMs } = await running;

    expect(failures).toEqual([]);
    expect(spoiled).toBeGreaterThan(1);
    expect(answers.length).toBeGreaterThan(100);
    expect(slowestMs).toBeLessThan(5_000);
    const [coffer] = instances as [TestCoffer];
    const keys = new Set(answers.map(({ key }) => key));
    expect(problemsOfKeys({ keys, answers, rows: await storedKeys(coffer) })).toEqual([]);
    const expected = new Map(answers.map(({ key, id }) => [id, valueFor(key)]));
    const stored = await readValues(coffer.clients().secrets, [...expected.keys()]);
    expect(problemsOfValues(expected, stored)).toEqual([]);
  });
});

describe("while Redis is stopped", () => {
  it("200 requests in turn do not wait for it one by one", async () => {
    const [coffer] = instances as [TestCoffer];
    const { secrets } = coffer.clients();
    const { id } = await createWithKey(secrets, "read-me");
    await until("coffer uses Redis again", async () =>
      coffer.logLines.some((line) => line.includes("redis is connected")),
    );
    const inTurn = async (round: string) => {
      const start = performance.now();
      for (let index = 0; index < 180; index++) await secrets.getSecretValue(byId(id));
      for (let index = 0; index < 20; index++) await createWithKey(secrets, `${round}-${index}`);
      return performance.now() - start;
    };
    const usualMs = await inTurn("running");
    await redis.kill("SIGSTOP");
    // Each asks Redis for two limits; every create asks for its hint, too.
    const tookMs = await inTurn("stopped");
    await redis.kill("SIGCONT");
    expect(tookMs - usualMs).toBeLessThan((200 * 50) / 2);
  });
});
