// A primary that Sentinels know, and a cluster: by their URLs limits are shared, also after a fail-over.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { connectRedis, type RedisState } from "../../src/redis/connection.ts";
import { createRateLimit } from "../../src/redis/rate-limits.ts";
import { until } from "../support/poll.ts";
import { startTestRedis, type TestRedis } from "../support/redis.ts";
import { open } from "./harness.ts";

const points = 5;
const portOf = (redis: TestRedis) => Number(new URL(redis.url).port);
const passwordOf = (redis: TestRedis) => new URL(redis.url).password;

/** A limit of one instance, and the states of its connection. */
function openLimit(url: string, options: { password?: string; sentinelPassword?: string } = {}) {
  const states: RedisState[] = [];
  const redis = connectRedis(url, { ...options, prefix: "test", onStateChange: (state) => states.push(state) });
  onTestFinished(redis.close);
  return { states, limit: createRateLimit("principal", points, { redis, prefix: "test" }) };
}

const isUp =
  ({ states }: { states: RedisState[] }) =>
  async () =>
    states.at(-1)?.is === "up";

/** Whether two instances allow no more than the limit together. */
async function isShared(limits: readonly ReturnType<typeof openLimit>[], subject: string): Promise<boolean> {
  let allowed = 0;
  for (let i = 0; i < points; i++) {
    for (const { limit } of limits) if ((await limit.take(subject, 1)).allowed) allowed++;
  }
  return allowed === points;
}

async function untilShared(limits: readonly ReturnType<typeof openLimit>[]): Promise<void> {
  let subjects = 0;
  await until("the limit is shared", () => isShared(limits, `subject-${++subjects}`));
}

describe("Sentinels", () => {
  let primary: TestRedis;
  let replica: TestRedis;
  let sentinel: TestRedis;
  beforeAll(async () => {
    primary = await startTestRedis({ own: true });
    const password = passwordOf(primary);
    replica = await startTestRedis({ own: true });
    const admin = new Redis(replica.url);
    await admin.config("SET", "masterauth", password);
    await admin.replicaof("127.0.0.1", portOf(primary));
    await until("the replica is connected", async () => (await admin.info("replication")).includes("link_status:up"));
    await admin.config("SET", "requirepass", password);
    admin.disconnect();
    sentinel = await startTestRedis({
      own: true,
      args(dir) {
        const file = join(dir, "sentinel.conf");
        const lines = [
          `sentinel monitor main 127.0.0.1 ${portOf(primary)} 1`,
          `sentinel auth-pass main ${password}`,
          "sentinel down-after-milliseconds main 500",
          "sentinel failover-timeout main 3000",
        ];
        writeFileSync(file, `${lines.join("\n")}\n`);
        return [file, "--sentinel"];
      },
    });
    const watched = new Redis(sentinel.url);
    await until("the Sentinel knows the replica", async () => {
      const replicas = (await watched.call("SENTINEL", "replicas", "main")) as unknown[];
      return replicas.length === 1;
    });
    watched.disconnect();
  });
  afterAll(async () => {
    for (const server of [sentinel, replica, primary]) await server?.stop();
  });

  it("name the primary, and after its death the new one", async () => {
    const url = `redis+sentinel://127.0.0.1:${portOf(sentinel)},127.0.0.1:1/main`;
    const options = { password: passwordOf(primary), sentinelPassword: passwordOf(sentinel) };
    const limits = [openLimit(url, options), openLimit(url, options)];
    for (const each of limits) await until("redis is connected", isUp(each));
    await untilShared(limits);
    await primary.kill("SIGKILL");
    for (const each of limits) await until("it is noticed", async () => each.states.at(-1)?.is !== "up");
    for (const each of limits) await until("the new primary is connected", isUp(each));
    await untilShared(limits);
    for (const { states } of limits)
      expect(states.map((state) => state.is).filter((is) => is === "up")).toHaveLength(2);
  });
});

describe("a cluster", () => {
  let node: TestRedis;
  beforeAll(async () => {
    node = await startTestRedis({
      own: true,
      args: () => ["--cluster-enabled", "yes", "--cluster-announce-ip", "127.0.0.1"],
    });
    const admin = new Redis(node.url);
    await admin.call("CLUSTER", "ADDSLOTSRANGE", "0", "16383");
    await until("it serves all slots", async () => (await admin.cluster("INFO")).includes("cluster_state:ok"));
    admin.disconnect();
  });
  afterAll(() => node.stop());

  it("that does not take the password is said to refuse it", async () => {
    const connection = await open({ url: `redis+cluster://:another@127.0.0.1:${portOf(node)}` }, false);
    await until("it is said", () => Promise.resolve(connection.states.length > 0));
    expect(connection.states).toMatchObject([
      { is: "refusing", cause: expect.stringMatching(/^(?:WRONGPASS|NOAUTH)/) },
    ]);
  });

  it("shares limits by its own URL, with a password in it", async () => {
    const url = `redis+cluster://:${passwordOf(node)}@127.0.0.1:${portOf(node)}`;
    const limits = [openLimit(url), openLimit(url)];
    for (const each of limits) await until("redis is connected", isUp(each));
    await untilShared(limits);
    expect(limits.map(({ states }) => states)).toEqual([[{ is: "up" }], [{ is: "up" }]]);
  });

  it("that does not serve all slots refuses, until it does", async () => {
    const limit = openLimit(`redis+cluster://:${passwordOf(node)}@127.0.0.1:${portOf(node)}`);
    await until("redis is connected", isUp(limit));
    const admin = new Redis(node.url);
    onTestFinished(() => admin.disconnect());
    await admin.call("CLUSTER", "DELSLOTSRANGE", "0", "16383");
    await until("it is noticed", async () => {
      await limit.limit.take("subject", 1);
      return limit.states.at(-1)?.is !== "up";
    });
    await admin.call("CLUSTER", "ADDSLOTSRANGE", "0", "16383");
    await until("it works again", isUp(limit));
    expect(limit.states.map((state) => state.is === "up")).toEqual([true, false, true]);
  });

  it("that is asked as a single server is refusing, too", async () => {
    const admin = new Redis(node.url);
    onTestFinished(() => admin.disconnect());
    const limit = openLimit(node.url);
    await until("redis is connected", isUp(limit));
    await admin.call("CLUSTER", "DELSLOTSRANGE", "0", "16383");
    onTestFinished(async () => void (await admin.call("CLUSTER", "ADDSLOTSRANGE", "0", "16383").catch(() => {})));
    await until("it is noticed", async () => {
      await limit.limit.take("subject", 1);
      return limit.states.at(-1)?.is === "refusing";
    });
    expect(limit.states.at(-1)).toMatchObject({ cause: expect.stringMatching(/^CLUSTERDOWN: /) });
  });
});
