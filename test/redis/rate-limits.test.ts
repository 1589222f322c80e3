// Rate limits: shared by all instances through Redis, each one's own without it, and never an error.
import { afterEach, describe, expect, it } from "vitest";
import { createFailureLimit, createRateLimit } from "../../src/redis/rate-limits.ts";
import { until } from "../support/poll.ts";
import { open, useRedis } from "./harness.ts";

const redis = useRedis();
afterEach(async () => {
  await redis.kill("SIGCONT");
  if (redis.pid === undefined) await redis.restart();
});

const points = 5;
let names = 0;

/** Two instances' limits on one Redis. */
async function twoInstances() {
  const prefix = `test-${++names}`;
  const connections = [await open(redis), await open(redis)] as const;
  const [first, second] = connections.map((connection) =>
    createRateLimit("principal", points, { redis: connection, prefix }),
  ) as [ReturnType<typeof createRateLimit>, ReturnType<typeof createRateLimit>];
  return { first, second, client: connections[0].client, key: `${prefix}:principal:subject` };
}

/** Away from the end of a one-second window, in which counts would start again. */
async function takeAll(limit: ReturnType<typeof createRateLimit>, count: number) {
  const states = [];
  for (let index = 0; index < count; index++) states.push(await limit.take("subject", 1));
  return states;
}

const allowed = (states: readonly { allowed: boolean }[]) => states.filter((state) => state.allowed).length;

// A call that waits for Redis longer than 50 ms counts alone, which happens on a busy machine.
describe("with Redis", { retry: 3 }, () => {
  it("all instances together allow the limit, say what is left, and refuse until the window ends", async () => {
    const { first, second } = await twoInstances();
    const states = [...(await takeAll(first, 3)), ...(await takeAll(second, 4))];
    expect(allowed(states)).toBe(points);
    expect(states.map(({ remaining }) => remaining)).toEqual([4, 3, 2, 1, 0, 0, 0]);
    const [last] = states.slice(-1);
    expect(last).toMatchObject({ allowed: false, limit: points });
    expect(last?.resetMs).toBeGreaterThan(0);
    expect(last?.resetMs).toBeLessThanOrEqual(1_000);
    await until("the window has ended", async () => (await second.take("subject", 1)).allowed, 2_000);
  });

  it("a point that is given back can be taken again, and subjects do not share points", async () => {
    const { first, second } = await twoInstances();
    await takeAll(first, points);
    await first.giveBack("subject", 1, performance.now());
    expect(await second.take("subject", 1)).toMatchObject({ allowed: true, remaining: 0 });
    expect(await second.take("another", 1)).toMatchObject({ allowed: true, remaining: points - 1 });
  });

  it("a call takes several points at once, all of a second's at the most", async () => {
    const { first, second } = await twoInstances();
    expect(await first.take("subject", 3)).toMatchObject({ allowed: true, remaining: 2 });
    expect(await second.take("subject", 3)).toMatchObject({ allowed: false });
    await second.giveBack("subject", 3, performance.now());
    expect(await second.take("subject", 2)).toMatchObject({ allowed: true, remaining: 0 });
    expect(await first.take("another", 100)).toMatchObject({ allowed: true, remaining: 0 });
  });

  it.each<[string, (client: Awaited<ReturnType<typeof open>>["client"], key: string) => Promise<unknown>]>([
    ["a list", (client, key) => client.lpush(key, "garbage")],
    ["a hash", (client, key) => client.hset(key, "garbage", "garbage")],
    ["a text", (client, key) => client.set(key, "garbage")],
  ])("that holds %s under the limit's name, each instance limits by itself", async (_what, fill) => {
    const { first, second, client, key } = await twoInstances();
    await fill(client, key);
    for (const limit of [first, second]) expect(allowed(await takeAll(limit, points + 2))).toBe(points);
  });

  it("whose number has no end of its own does not refuse for ever", async () => {
    const { first, client, key } = await twoInstances();
    await client.set(key, "1000000");
    expect((await first.take("subject", 1)).allowed).toBe(false);
    await until("it is allowed", async () => (await first.take("subject", 1)).allowed, 3_000);
  });

  it.each<[string, () => Promise<void>]>([
    [
      "was restarted empty",
      async () => {
        await redis.kill("SIGKILL");
        await redis.restart();
      },
    ],
    ["was emptied", () => redis.flush()],
  ])("that %s, the limit is shared again", async (_what, happen) => {
    const { first, second, client, key } = await twoInstances();
    await takeAll(first, 2);
    await happen();
    await until(
      "it is shared again",
      async () => {
        if (client.status !== "ready") return false;
        await first.take("subject", 1);
        return (await client.exists(key)) === 1;
      },
      5_000,
    );
    // The other instance, too, uses it again.
    const together = async () => {
      await client.del(key);
      return allowed([...(await takeAll(first, points)), ...(await takeAll(second, 2))]);
    };
    await expect.poll(together, { timeout: 5_000 }).toBe(points);
  });
});

describe("without Redis", () => {
  it.each(["SIGSTOP", "SIGKILL"] as const)(
    "after %s every instance allows the limit by itself, and refuses beyond",
    async (signal) => {
      const { first, second } = await twoInstances();
      await redis.kill(signal);
      await first.take("other", 1);
      await second.take("other", 1);
      for (const limit of [first, second]) {
        const states = await takeAll(limit, points + 2);
        expect(allowed(states)).toBe(points);
        expect(states.at(-1)).toMatchObject({ allowed: false, remaining: 0, limit: points });
      }
    },
  );

  it("an instance that has none limits by itself", async () => {
    expect(allowed(await takeAll(createRateLimit("principal", points, undefined), 9))).toBe(points);
  });
});

describe("failures of an address", () => {
  it("block it after the limit, and of IPv6 the whole /64 it is in, whatever the form it is written in", async () => {
    const limit = createFailureLimit("failure", 3);
    for (const address of ["2001:db8::1", "2001:db8:0:0:1::", "2001:db8:0:0:ffff:ffff:ffff:ffff"])
      await limit.count(address);
    expect(await limit.blockedForMs("2001:db8::2")).toBeGreaterThan(0);
    expect(await limit.blockedForMs("2001:db8:0:1::1")).toBeUndefined();
    for (let index = 0; index < 2; index++) await limit.count("192.0.2.1");
    expect(await limit.blockedForMs("192.0.2.1")).toBeUndefined();
    await limit.count("192.0.2.1");
    expect(await limit.blockedForMs("192.0.2.1")).toBeGreaterThan(0);
    expect(await limit.blockedForMs("192.0.2.2")).toBeUndefined();
  });
});
