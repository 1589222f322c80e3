// The token cache: never older than five seconds, and shorter where a token ends sooner.
import { describe, expect, it } from "vitest";
import { createTokenCache } from "../../src/runtime/token-cache.ts";
import type { TokenRecord } from "../../src/store/api-tokens.ts";

function setUp() {
  const clock = { ms: 1_000 };
  const cache = createTokenCache(() => clock.ms);
  const loads: string[] = [];
  const recordOf = (name: string, expiresInMs?: number) =>
    ({ name, isExpired: false, expiresInMs, members: [] }) as unknown as TokenRecord;
  const get = (id: string, record: TokenRecord | undefined = recordOf(id)) =>
    cache.get(id, async () => {
      loads.push(id);
      return record;
    });
  return { clock, cache, loads, recordOf, get };
}

describe("a record", () => {
  it("is looked up once in five seconds, and again from the fifth on", async () => {
    const { clock, loads, get } = setUp();
    const first = await get("a");
    clock.ms += 4_999;
    expect(await get("a")).toBe(first);
    expect(loads).toEqual(["a"]);
    clock.ms += 1;
    expect(await get("a")).not.toBe(first);
    expect(loads).toEqual(["a", "a"]);
  });

  it("counts its age from before the lookup, however long that took", async () => {
    const { clock, cache, loads, recordOf, get } = setUp();
    const { promise, resolve } = Promise.withResolvers<TokenRecord>();
    const slow = cache.get("a", () => promise);
    clock.ms += 4_000;
    resolve(recordOf("a"));
    await slow;
    clock.ms += 1_000;
    await get("a");
    expect(loads).toEqual(["a"]);
  });

  it("is shared by calls that come while it is looked up", async () => {
    const { loads, get } = setUp();
    const results = await Promise.all([get("a"), get("a"), get("a"), get("b")]);
    expect(loads).toEqual(["a", "b"]);
    expect(results[1]).toBe(results[0]);
  });

  it("is kept no longer than its token lives", async () => {
    const { clock, loads, recordOf, get } = setUp();
    await get("a", recordOf("a", 300));
    clock.ms += 299;
    await get("a");
    expect(loads).toHaveLength(1);
    clock.ms += 1;
    await get("a");
    expect(loads).toHaveLength(2);
  });

  it("is looked up again after a revocation, and after a gap in the notifications", async () => {
    const { cache, loads, get } = setUp();
    await get("a");
    await get("b");
    cache.drop("a");
    await get("a");
    await get("b");
    expect(loads).toEqual(["a", "b", "a"]);
    cache.clear();
    await get("a");
    await get("b");
    expect(loads).toEqual(["a", "b", "a", "a", "b"]);
  });

  it("that was looked up before a revocation is not kept after it", async () => {
    const { cache, loads, recordOf, get } = setUp();
    const { promise, resolve } = Promise.withResolvers<TokenRecord>();
    const slow = cache.get("a", () => promise);
    cache.drop("a");
    resolve(recordOf("stale"));
    await slow;
    await get("a");
    expect(loads).toEqual(["a"]);
  });
});

describe("nothing is kept", () => {
  it("of tokens that do not exist", async () => {
    const { cache, loads } = setUp();
    for (let count = 0; count < 2; count++) {
      const load = async () => {
        loads.push("guess");
        return undefined;
      };
      expect(await cache.get("guess", load)).toBeUndefined();
    }
    expect(loads).toEqual(["guess", "guess"]);
    expect(cache.knows("guess")).toBe(false);
  });

  it("of lookups that failed", async () => {
    const { cache, loads, get } = setUp();
    await expect(cache.get("a", () => Promise.reject(new Error("no database")))).rejects.toThrow("no database");
    await get("a");
    expect(loads).toEqual(["a"]);
  });

  it("beyond 50,000 records: the oldest goes", async () => {
    const { cache, get } = setUp();
    for (let count = 0; count <= 50_000; count++) await get(`t${count}`);
    expect(cache.knows("t0")).toBe(false);
    expect(cache.knows("t1")).toBe(true);
    expect(cache.knows("t50000")).toBe(true);
  });
});
