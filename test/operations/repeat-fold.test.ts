// Events that repeat: the first is written, the others are counted, and new kinds without end are one.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createRepeatFold } from "../../src/runtime/repeat-fold.ts";

interface Written {
  name: string;
  count: number;
}

let written: Written[] = [];
const lost: unknown[] = [];

function open() {
  return createRepeatFold<Written>({
    kindsMax: 2,
    write(event) {
      written.push(event);
      return event.name === "fails" ? Promise.reject(new Error("unavailable")) : Promise.resolve();
    },
    fold: ({ name }, count, isMixed) => ({ name: isMixed ? "*" : name, count }),
    onLost: (error) => lost.push(error),
  });
}

const event = (name: string): Written => ({ name, count: 1 });

beforeEach(() => {
  vi.useFakeTimers();
  written = [];
});
afterEach(() => void vi.useRealTimers());

test("equal events within ten seconds are the first, and one that counts the others", async () => {
  const fold = open();
  expect(fold.add("g", "a", event("a"))).toBeInstanceOf(Promise);
  expect(fold.add("g", "a", event("a"))).toBeUndefined();
  expect(fold.add("g", "a", event("a"))).toBeUndefined();
  expect(written).toEqual([event("a")]);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(written).toEqual([event("a"), { name: "a", count: 2 }]);
  expect(fold.add("g", "a", event("a"))).toBeInstanceOf(Promise);
});

test("kinds past the limit of their group are counted together, and other groups are not concerned", async () => {
  const fold = open();
  for (const kind of ["a", "b", "c", "d", "e", "b"]) void fold.add("g", kind, event(kind));
  void fold.add("other", "c", event("c"));
  expect(written).toEqual([event("a"), event("b"), event("c")]);
  await fold.flush();
  expect(written.slice(3)).toEqual([
    { name: "b", count: 1 },
    { name: "*", count: 3 },
  ]);
});

test("a first event that is not written fails for its caller, and a folded one is reported as lost", async () => {
  const fold = open();
  const first = fold.add("g", "a", event("fails"));
  expect(fold.add("g", "a", event("fails"))).toBeUndefined();
  await expect(first).rejects.toThrow("unavailable");
  await fold.flush();
  expect(lost).toHaveLength(1);
});

test("behind a first event that was not written the next is written, not counted", async () => {
  const fold = open();
  await expect(fold.add("g", "a", event("fails"))).rejects.toThrow("unavailable");
  await fold.add("g", "a", event("a"));
  expect(written).toEqual([event("fails"), event("a")]);
  expect(fold.add("g", "a", event("a"))).toBeUndefined();
  await fold.flush();
  expect(written.slice(2)).toEqual([{ name: "a", count: 1 }]);
});

test("a group more than there is room for ends the oldest one, whose events are written", async () => {
  const fold = open();
  void fold.add("0", "a", event("a"));
  void fold.add("0", "a", event("a"));
  for (let i = 1; i <= 10_000; i++) void fold.add(String(i), "a", event("a"));
  await vi.advanceTimersByTimeAsync(0);
  expect(written).toContainEqual({ name: "a", count: 1 });
  expect(written).toHaveLength(10_002);
});
