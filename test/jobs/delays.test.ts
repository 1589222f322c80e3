// How long jobs wait.
import { randomBytes } from "node:crypto";
import { expect, it } from "vitest";
import { backOffMs, jitteredMs } from "../../src/jobs/delays.ts";

it("delays differ by up to a fifth, in both directions", () => {
  expect(jitteredMs(1_000, () => Uint8Array.of(0, 0))).toBe(800);
  expect(jitteredMs(1_000, () => Uint8Array.of(255, 255))).toBe(1_200);
  const seen = Array.from({ length: 1_000 }, () => jitteredMs(1_000, randomBytes));
  expect(Math.min(...seen)).toBeGreaterThanOrEqual(800);
  expect(Math.max(...seen)).toBeLessThanOrEqual(1_200);
  expect(new Set(seen).size).toBeGreaterThan(100);
});

it("failures are retried after a second, then twice as long each time, up to five minutes", () => {
  expect([1, 2, 3, 9, 10, 2_000].map(backOffMs)).toEqual([1_000, 2_000, 4_000, 256_000, 300_000, 300_000]);
});
