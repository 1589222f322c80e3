// One statement for many concurrent calls.
import { describe, expect, test } from "vitest";
import { createBatcher } from "../../src/runtime/batcher.ts";

/** A batcher whose batches end when the test lets them. */
function start(options: Partial<Parameters<typeof createBatcher<number, string>>[0]> = {}) {
  const batches: { items: readonly number[]; end: PromiseWithResolvers<readonly string[]> }[] = [];
  const batcher = createBatcher<number, string>({
    sizeMax: 3,
    ...options,
    run(items) {
      const end = Promise.withResolvers<readonly string[]>();
      batches.push({ items, end });
      return end.promise;
    },
  });
  return { batcher, batches };
}

describe("a batcher", () => {
  test("runs together what comes in one turn, and what arrives meanwhile with the next batch, within its size", async () => {
    const { batcher, batches } = start();
    const first = [1, 2].map(batcher.add);
    await expect.poll(() => batches.length).toBe(1);
    const later = [3, 4, 5, 6].map(batcher.add);
    batches[0]?.end.resolve(["one", "two"]);
    expect(await Promise.all(first)).toEqual(["one", "two"]);
    await expect.poll(() => batches.length).toBe(2);
    batches[1]?.end.resolve(["three", "four", "five"]);
    await expect.poll(() => batches.length).toBe(3);
    batches[2]?.end.resolve(["six"]);
    expect(await Promise.all(later)).toEqual(["three", "four", "five", "six"]);
    expect(batches.map(({ items }) => items)).toEqual([[1, 2], [3, 4, 5], [6]]);
  });

  test("runs the next batch beside one that gets no answer, and drains both", async () => {
    const { batcher, batches } = start();
    const stuck = batcher.add(1);
    await expect.poll(() => batches.length).toBe(1);
    const next = batcher.add(2);
    await expect.poll(() => batches.length, { timeout: 2_000 }).toBe(2);
    batches[1]?.end.resolve(["two"]);
    expect(await next).toBe("two");
    let isDrained = false;
    const drained = batcher.drain().then(() => {
      isDrained = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(isDrained).toBe(false);
    batches[0]?.end.resolve(["one"]);
    await drained;
    expect(await stuck).toBe("one");
  });

  test("fails every item of a failed batch with one error, unless the batch is to be split", async () => {
    const failure = new Error("no");
    const whole = start({ toError: (cause) => new Error("translated", { cause }) });
    const failed = Promise.allSettled([1, 2].map(whole.batcher.add));
    await expect.poll(() => whole.batches.length).toBe(1);
    whole.batches[0]?.end.reject(failure);
    const reasons = (await failed).map((result) => result.status === "rejected" && result.reason);
    expect(reasons).toEqual([new Error("translated"), new Error("translated")]);

    const split = start({ splits: () => true });
    const single = Promise.allSettled([1, 2].map(split.batcher.add));
    await expect.poll(() => split.batches.length).toBe(1);
    split.batches[0]?.end.reject(failure);
    await expect.poll(() => split.batches.length).toBe(3);
    split.batches[1]?.end.reject(failure);
    split.batches[2]?.end.resolve(["two"]);
    expect((await single).map(({ status }) => status)).toEqual(["rejected", "fulfilled"]);
    expect(split.batches.map(({ items }) => items)).toEqual([[1, 2], [1], [2]]);
  });

  test("runs the items of a split batch alone, without waiting for one that gets no answer", async () => {
    const { batcher, batches } = start({ splits: () => true });
    const [stuck, ...others] = [1, 2, 3].map(batcher.add) as [Promise<string>, ...Promise<string>[]];
    await expect.poll(() => batches.length).toBe(1);
    batches[0]?.end.reject(new Error("no"));
    await expect.poll(() => batches.length).toBe(4);
    for (const { items, end } of batches.slice(2)) end.resolve([`alone ${items[0]}`]);
    expect(await Promise.all(others)).toEqual(["alone 2", "alone 3"]);
    batches[1]?.end.resolve(["alone 1"]);
    expect(await stuck).toBe("alone 1");
  });

  test("takes half of the callers if it is told to, and counts those that it has just answered", async () => {
    const { batcher, batches } = start({ sizeMax: 100, takesHalf: true });
    const range = (from: number, count: number) => Array.from({ length: count }, (_, index) => from + index);
    const calls = range(0, 20).map(batcher.add);
    await expect.poll(() => batches.length).toBe(1);
    calls.push(...range(20, 4).map(batcher.add));
    for (const [index, items] of [range(0, 10), range(10, 12), range(22, 2)].entries()) {
      await expect.poll(() => batches.length).toBe(index + 1);
      expect(batches[index]?.items).toEqual(items);
      batches[index]?.end.resolve(items.map(String));
    }
    expect(await Promise.all(calls)).toHaveLength(24);
  });

  test("runs together only what weighs little enough, and alone what weighs more", async () => {
    const { batcher, batches } = start({ weight: { of: (item) => item, max: 10 } });
    const all = Promise.all([4, 6, 1, 30, 2].map(batcher.add));
    for (const [index, items] of [[4, 6], [1], [30], [2]].entries()) {
      await expect.poll(() => batches.length).toBe(index + 1);
      expect(batches[index]?.items).toEqual(items);
      batches[index]?.end.resolve(items.map(String));
    }
    expect(await all).toEqual(["4", "6", "1", "30", "2"]);
  });
});
