// Leased limits: points in blocks, charged when they are taken, so that the limit is never exceeded.
import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { leasePoints } from "../../src/redis/leased-limit.ts";
import { createRateLimit, type RateLimit } from "../../src/redis/rate-limits.ts";
import { open, useRedis } from "./harness.ts";

const redis = useRedis();
const limit = 200;
let names = 0;

async function instances(count: number, points = limit) {
  const prefix = `leased-${++names}`;
  const connections = await Promise.all(Array.from({ length: count }, () => open(redis)));
  const limits = connections.map((connection) =>
    leasePoints(createRateLimit("principal", points, { redis: connection, prefix }), points),
  );
  const client = connections[0]?.client;
  const consumed = async () => Number(await client?.get(`${prefix}:principal:subject`));
  /** How often a script has run on the server. */
  const scripts = async () => {
    const stats = String(await client?.info("commandstats"));
    return [...stats.matchAll(/cmdstat_eval(?:sha)?:calls=(\d+)/g)].reduce((sum, [, calls]) => sum + Number(calls), 0);
  };
  return { limits, consumed, scripts };
}

/** As a call takes its points. */
async function take(own: RateLimit | undefined, points = 1) {
  return own?.takeNow("subject", points) ?? (await own?.take("subject", points));
}

/** Takes points at a rate for a time, and returns how many were allowed and refused. */
async function takeAtRate(own: RateLimit | undefined, perMs: number, forMs: number) {
  const counts = { allowed: 0, refused: 0 };
  const begin = performance.now();
  const waiting: Promise<void>[] = [];
  for (let taken = 0; performance.now() - begin < forMs; await sleep(2)) {
    for (; taken < (performance.now() - begin) * perMs; taken++) {
      waiting.push(take(own).then((state) => void counts[state?.allowed ? "allowed" : "refused"]++));
    }
  }
  await Promise.all(waiting);
  return counts;
}

// A call that waits for Redis longer than 50 ms counts alone, which happens on a busy machine.
it("three instances together never allow more than the limit in a window, and most of it is used", {
  retry: 3,
}, async () => {
  const { limits } = await instances(3);
  const takes = limits.flatMap((own) => Array.from({ length: limit }, () => own.take("subject", 1)));
  const allowed = (await Promise.all(takes)).filter((state) => state.allowed).length;
  expect(allowed).toBeLessThanOrEqual(limit);
  expect(allowed).toBeGreaterThan(limit * 0.8);
});

it("two instances that take more than the limit for four seconds are allowed no more than the limit in each", {
  retry: 3,
}, async () => {
  const { limits } = await instances(2);
  const counts = await Promise.all(limits.map((own) => takeAtRate(own, limit / 1_000, 4_000)));
  const allowed = counts.reduce((sum, each) => sum + each.allowed, 0);
  // The first window begins with the first point, so at most five are touched.
  expect(allowed).toBeLessThanOrEqual(5 * limit);
  expect(allowed).toBeGreaterThan(4 * limit * 0.8);
});

it("a call alone charges a hundredth of the limit, and the next calls ask nobody for these points", async () => {
  const { limits, consumed } = await instances(1, 1_000);
  const [own] = limits;
  await take(own);
  for (let taken = 1; taken < 5; taken++) expect(own?.takeNow("subject", 1)?.allowed).toBe(true);
  expect(await consumed()).toBe(10);
});

it("calls at a steady rate ask Redis some ten times a second, whatever the rate", { retry: 3 }, async () => {
  const { limits, scripts } = await instances(1, 100_000);
  await takeAtRate(limits[0], 4, 500);
  const before = await scripts();
  const { allowed, refused } = await takeAtRate(limits[0], 4, 2_000);
  expect([allowed > 6_000, refused]).toEqual([true, 0]);
  expect((await scripts()) - before).toBeLessThan(60);
});

it("points of a block cost no round trip, and none of them is lost when the next block arrives", async () => {
  const { limits, consumed } = await instances(1);
  const [own] = limits;
  // The second block is as large as what waits for it.
  const states = await Promise.all(Array.from({ length: 15 }, () => take(own)));
  expect(states.every((state) => state?.allowed)).toBe(true);
  const charged = await consumed();
  let taken = 15;
  while (own?.takeNow("subject", 1)) taken++;
  await sleep(20);
  while (own?.takeNow("subject", 1)) taken++;
  expect(taken).toBeGreaterThanOrEqual(charged);
  expect(taken).toBeLessThanOrEqual(await consumed());
});

it("a call of more points than a block has is charged as it is", async () => {
  const { limits, consumed } = await instances(1);
  expect((await limits[0]?.take("subject", 50))?.allowed).toBe(true);
  expect(await consumed()).toBe(50);
});

it("points that are given back can be taken again", async () => {
  const { limits } = await instances(1);
  const [own] = limits;
  for (let index = 0; index < limit; index++) expect((await take(own))?.allowed).toBe(true);
  expect((await take(own))?.allowed).toBe(false);
  await own?.giveBack("subject", 1, performance.now() + 500);
  expect((await take(own))?.allowed).toBe(true);
  expect((await take(own))?.allowed).toBe(false);
});

it("points of an earlier second that are given back late do not count in this one", { retry: 3 }, async () => {
  const { limits } = await instances(1);
  const [own] = limits;
  const first = await take(own);
  const untilMs = performance.now() + (first?.resetMs ?? 0);
  await sleep((first?.resetMs ?? 0) + 20);
  for (let index = 0; index < limit; index++) expect((await take(own))?.allowed).toBe(true);
  await own?.giveBack("subject", 1, untilMs);
  expect((await take(own))?.allowed).toBe(false);
});

it("refusals ask Redis once in a second, and end with it", { retry: 3 }, async () => {
  const { limits, scripts } = await instances(1);
  const [own] = limits;
  expect((await take(own, limit))?.allowed).toBe(true);
  expect((await take(own))?.allowed).toBe(false);
  const before = await scripts();
  const refused = await Promise.all(Array.from({ length: 500 }, () => take(own)));
  expect(refused.some((state) => state?.allowed)).toBe(false);
  expect(await scripts()).toBe(before);
  await sleep(refused[0]?.resetMs ?? 0);
  await expect.poll(async () => (await take(own))?.allowed, { timeout: 500 }).toBe(true);
});

it("a small limit is taken point by point, so that nobody sits on points that another needs", async () => {
  const { limits } = await instances(2, 5);
  const states = [];
  for (let index = 0; index < 8; index++) states.push(await limits[index % 2]?.take("subject", 1));
  expect(states.filter((state) => state?.allowed)).toHaveLength(5);
});
