// Leased limits: points in blocks, charged when they are taken, so that the limit is never exceeded.
import { expect, it } from "vitest";
import { leasePoints } from "../../src/redis/leased-limit.ts";
import { createRateLimit } from "../../src/redis/rate-limits.ts";
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
  const consumed = async () => Number(await connections[0]?.client.get(`${prefix}:principal:subject`));
  return { limits, consumed };
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

it("a block is charged when it is taken, and points from it cost no round trip", async () => {
  const { limits, consumed } = await instances(1);
  const [own] = limits;
  await own?.take("subject", 1);
  expect(await consumed()).toBe(limit / 10);
  for (let index = 1; index < limit / 10; index++) await own?.take("subject", 1);
  expect(await consumed()).toBe(limit / 10);
  await own?.take("subject", 1);
  expect(await consumed()).toBe((2 * limit) / 10);
});

it("a call of more points than a block has is charged as it is", async () => {
  const { limits, consumed } = await instances(1);
  expect((await limits[0]?.take("subject", 50))?.allowed).toBe(true);
  expect(await consumed()).toBe(50);
});

it("points that are given back can be taken again", async () => {
  const { limits } = await instances(1);
  const [own] = limits;
  for (let index = 0; index < limit; index++) expect((await own?.take("subject", 1))?.allowed).toBe(true);
  expect((await own?.take("subject", 1))?.allowed).toBe(false);
  await own?.giveBack("subject", 1);
  expect((await own?.take("subject", 1))?.allowed).toBe(true);
});

it("a small limit is taken point by point, so that nobody sits on points that another needs", async () => {
  const { limits } = await instances(2, 5);
  const states = [];
  for (let index = 0; index < 8; index++) states.push(await limits[index % 2]?.take("subject", 1));
  expect(states.filter((state) => state?.allowed)).toHaveLength(5);
});
