// Ids: they sort by time, and their form tells them apart.
import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { isId, newId } from "../../src/domain/ids.ts";

const random = (size: number) => new Uint8Array(randomBytes(size));
const at = (ms: number) => newId("sec", new Date(ms), random);

describe("ids", () => {
  it("sort by the time they were made at, whatever is random in them", () => {
    const times = [0, 1, 999, 1_000, 2 ** 31, 2 ** 32, Date.UTC(2026, 0), Date.UTC(2026, 0) + 1, Date.UTC(9999, 0)];
    const ids = times.flatMap((ms) => [[at(ms)], [at(ms)]].flat().sort());
    expect([...ids].sort()).toEqual(ids);
    expect(
      newId("sec", new Date(5), (size) => new Uint8Array(size).fill(255)) <
        newId("sec", new Date(6), (size) => new Uint8Array(size)),
    ).toBe(true);
  });

  it("have 26 characters of lower-case base32 behind their prefix, and are no two the same", () => {
    const ids = Array.from({ length: 1_000 }, () => at(1_700_000_000_000));
    for (const id of ids) expect(id).toMatch(/^sec_[0-9a-hjkmnp-tv-z]{26}$/);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it("hold a UUID of version 7", () => {
    const id = newId("sec", new Date(0x0123_4567_89ab), (size) => new Uint8Array(size).fill(0xff)).slice(4);
    const alphabet = "0123456789abcdefghjkmnpqrstvwxyz";
    const bits = [...id].reduce((value, character) => (value << 5n) | BigInt(alphabet.indexOf(character)), 0n);
    expect(bits.toString(16).padStart(32, "0")).toBe("0123456789ab7fffbfffffffffffffff");
  });

  it("are known by their form", () => {
    const id = newId("secv", new Date(), random);
    expect(isId("secv", id)).toBe(true);
    for (const other of [
      newId("sec", new Date(), random),
      id.slice(0, -1),
      `${id}0`,
      id.toUpperCase(),
      id.replace(/.$/, "l"),
      `secv_8${id.slice(6)}`,
      id.replace("secv_", ""),
      `${id}\n`,
      "",
    ]) {
      expect([other, isId("secv", other)]).toEqual([other, false]);
    }
  });
});
