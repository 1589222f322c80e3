// A map with a limit of entries.
import { describe, expect, test } from "vitest";
import { BoundedMap } from "../../src/domain/bounded-map.ts";

describe("a bounded map", () => {
  test("evicts the oldest entry for a new one, and tells of it", () => {
    const evicted: [string, number][] = [];
    const map = new BoundedMap<string, number>(2, (key, value) => evicted.push([key, value]));
    map.set("a", 1).set("b", 2).set("c", 3);
    expect([...map]).toEqual([
      ["b", 2],
      ["c", 3],
    ]);
    expect(evicted).toEqual([["a", 1]]);
  });

  test("makes an entry that is set again the newest, and evicts nothing for it", () => {
    const evicted: string[] = [];
    const map = new BoundedMap<string, number>(2, (key) => evicted.push(key));
    map.set("a", 1).set("b", 2).set("a", 3);
    expect(evicted).toEqual([]);
    map.set("c", 4);
    expect([...map.keys()]).toEqual(["a", "c"]);
    expect(evicted).toEqual(["b"]);
  });
});
