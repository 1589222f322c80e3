// Shared lookups: few for many, and never an answer that is older than the question.
import { expect, it } from "vitest";
import { createSharedLookups } from "../../src/runtime/shared-lookups.ts";

it("calls that ask during a lookup share the next one, which begins when that has ended", async () => {
  const share = createSharedLookups();
  const begun: PromiseWithResolvers<number>[] = [];
  const lookUp = () => {
    const lookup = Promise.withResolvers<number>();
    begun.push(lookup);
    return lookup.promise;
  };
  const first = share("a", lookUp);
  const others = [share("a", lookUp), share("a", lookUp), share("a", lookUp)];
  expect(begun).toHaveLength(1);
  begun[0]?.resolve(1);
  expect(await first).toBe(1);
  await Promise.resolve();
  expect(begun).toHaveLength(2);
  const later = share("a", lookUp);
  begun[1]?.resolve(2);
  expect(await Promise.all(others)).toEqual([2, 2, 2]);
  await Promise.resolve();
  begun[2]?.resolve(3);
  expect(await later).toBe(3);
  expect(begun).toHaveLength(3);
});

it("a lookup that fails fails those who share it, and nobody after them", async () => {
  const share = createSharedLookups();
  const broken = () => Promise.reject(new Error("broken"));
  const results = await Promise.allSettled([share("a", broken), share("a", broken), share("a", broken)]);
  expect(results.map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
  expect(await share("a", async () => 1)).toBe(1);
});

it("different keys do not wait for each other", async () => {
  const share = createSharedLookups();
  void share("a", () => new Promise(() => {}));
  expect(await share("b", async () => 2)).toBe(2);
});
