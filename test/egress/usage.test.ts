// Counts of one process: windows that begin with their first use, and end.
import { expect, test } from "vitest";
import type { EgressLimits } from "../../src/domain/egress/egress-rule.ts";
import { createUsage, type Meter } from "../../src/egress/usage.ts";

const limitsOf = (limits: Partial<EgressLimits>): EgressLimits => ({ methods: [], pathPrefixes: [], ...limits });
const none = { requestsPerMinute: undefined, bytesPerHour: undefined };

/** On a clock that the test moves. */
function start(most: Parameters<typeof createUsage>[0] = none) {
  const clock = { ms: 5_000_000 };
  return { clock, usage: createUsage(most, undefined, () => clock.ms) };
}

test("requests are allowed again when their minute is over, which began with the first", async () => {
  const { clock, usage } = start();
  const begin = () => usage.begin("key", limitsOf({ requestsPerMinute: 2 }));
  const allowed = { addBytes: expect.any(Function) };
  expect(await begin()).toEqual(allowed);
  clock.ms += 20_000;
  expect(await begin()).toEqual(allowed);
  expect(await begin()).toEqual({ code: "rate_limited", retryAfterMs: 40_000 });
  clock.ms += 39_999;
  expect(await begin()).toEqual({ code: "rate_limited", retryAfterMs: 1 });
  clock.ms += 1;
  expect([await begin(), await begin()]).toEqual([allowed, allowed]);
  expect(await begin()).toEqual({ code: "rate_limited", retryAfterMs: 60_000 });
});

test("of requests at the same moment as many are allowed as are left", async () => {
  const { usage } = start({ ...none, requestsPerMinute: 3 });
  const begun = await Promise.all(Array.from({ length: 10 }, () => usage.begin("key", limitsOf({}))));
  expect(begun.filter((each) => "addBytes" in each)).toHaveLength(3);
});

test("bytes are allowed again when their hour is over, also to a request that is still under way", async () => {
  const { clock, usage } = start({ ...none, bytesPerHour: 100 });
  const meter = (await usage.begin("key", limitsOf({}))) as Meter;
  expect([meter.addBytes(60), meter.addBytes(40), meter.addBytes(1)]).toEqual([true, true, false]);
  expect(await usage.begin("key", limitsOf({}))).toEqual({ code: "byte_cap_reached", retryAfterMs: 3_600_000 });
  expect(await usage.begin("another", limitsOf({}))).toHaveProperty("addBytes");
  clock.ms += 3_600_000;
  expect(meter.addBytes(100)).toBe(true);
  expect(meter.addBytes(1)).toBe(false);
});

test("the smaller of two limits counts, and without one nothing is counted", async () => {
  const { usage } = start({ requestsPerMinute: 2, bytesPerHour: undefined });
  const begin = async (key: string, limits: Partial<EgressLimits>) =>
    "addBytes" in (await usage.begin(key, limitsOf(limits)));
  expect([await begin("a", { requestsPerMinute: 1 }), await begin("a", { requestsPerMinute: 1 })]).toEqual([
    true,
    false,
  ]);
  const ofMany = { requestsPerMinute: 1_000 };
  expect([await begin("b", ofMany), await begin("b", ofMany), await begin("b", ofMany)]).toEqual([true, true, false]);
  const free = start().usage;
  for (let i = 0; i < 1_000; i++) expect(await free.begin("c", limitsOf({}))).toHaveProperty("addBytes");
});

test("a shared count that is emptied within the window starts nothing anew, also with requests at the same moment", async () => {
  const clock = { ms: 5_000_000 };
  let shared = 0;
  const add = async (_: string, count: number) => {
    shared += count;
    return { count: shared, leftMs: 60_000 };
  };
  const share = () => ({ add });
  const usage = createUsage({ requestsPerMinute: 4, bytesPerHour: undefined }, share, () => clock.ms);
  const begin = async () => "addBytes" in (await usage.begin("key", limitsOf({})));
  expect(await Promise.all([begin(), begin(), begin()])).toEqual([true, true, true]);
  shared = 0;
  expect([await begin(), await begin(), await begin()]).toEqual([true, false, false]);
  clock.ms += 60_000;
  shared = 0;
  expect(await begin()).toBe(true);
});
