// Equal calls one at a time: the others wait without holding anything, and no longer than they said.
import { describe, expect, it } from "vitest";
import { createSingleFlight } from "../../src/runtime/single-flight.ts";

const soon = 2_000;

describe("calls with one key", () => {
  it("run one at a time; those that waited hear that another has succeeded", async () => {
    const flight = createSingleFlight();
    const first = Promise.withResolvers<string>();
    const heard: boolean[] = [];
    let running = 0;
    const call = (result: Promise<string>) =>
      flight.run("k", soon, async (otherSucceeded) => {
        heard.push(otherSucceeded);
        if (!otherSucceeded) expect(++running).toBe(1);
        try {
          return await result;
        } finally {
          if (!otherSucceeded) running--;
        }
      });
    const calls = [call(first.promise), call(Promise.resolve("b")), call(Promise.resolve("c"))];
    await Promise.resolve();
    expect(heard).toEqual([false]);
    first.resolve("a");
    expect(await Promise.all(calls)).toEqual(["a", "b", "c"]);
    expect(heard).toEqual([false, true, true]);
  });

  it("run themselves when the one they waited for has failed, again one at a time", async () => {
    const flight = createSingleFlight();
    const order: string[] = [];
    const call = (name: string, fails: boolean) =>
      flight.run("k", soon, async (otherSucceeded) => {
        order.push(`${name} ${otherSucceeded}`);
        await Promise.resolve();
        if (fails) throw new Error(name);
        return name;
      });
    const results = await Promise.allSettled([call("a", true), call("b", false), call("c", false)]);
    expect(results.map(({ status }) => status)).toEqual(["rejected", "fulfilled", "fulfilled"]);
    expect(order).toEqual(["a false", "b false", "c true"]);
  });

  it("wait no longer than they said, however many run before them", async () => {
    const flight = createSingleFlight();
    const { promise, reject } = Promise.withResolvers<never>();
    const first = flight.run("k", soon, () => promise).catch((error: unknown) => error);
    void flight.run("k", soon, () => new Promise<never>(() => {}));
    const start = performance.now();
    const waiting = flight.run("k", 400, async () => "ran");
    setTimeout(() => reject(new Error("first")), 300);
    expect(await waiting).toBeUndefined();
    expect(performance.now() - start).toBeLessThan(650);
    expect(await first).toEqual(new Error("first"));
  });

  it("leave the key free when they are done", async () => {
    const flight = createSingleFlight();
    for (const expected of [1, 2])
      expect(await flight.run("k", 0, async (other) => (other ? 0 : expected))).toBe(expected);
  });
});

describe("calls with different keys", () => {
  it("do not wait for each other", async () => {
    const flight = createSingleFlight();
    void flight.run("a", soon, () => new Promise(() => {}));
    expect(await flight.run("b", soon, async (other) => other)).toBe(false);
  });
});
