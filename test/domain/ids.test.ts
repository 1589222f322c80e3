// Ids: they sort by time, and their form tells them apart.
import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { idOfUuid, isId, newId, uuidOf } from "../../src/domain/ids.ts";

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

  it("are UUIDs in another form, and nothing is lost on the way", () => {
    const id = newId("ws", new Date(0x0123_4567_89ab), (size) => new Uint8Array(size).fill(0xff));
    expect(uuidOf(id)).toBe("01234567-89ab-7fff-bfff-ffffffffffff");
    for (let i = 0; i < 1_000; i++) {
      const made = newId("sec", new Date(i * 1e9), random);
      expect(uuidOf(made)).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      expect(idOfUuid("sec", uuidOf(made))).toBe(made);
      expect(idOfUuid("sec", uuidOf(made).toUpperCase())).toBe(made);
    }
    expect(idOfUuid("sec", "00000000-0000-0000-0000-000000000000")).toBe(`sec_${"0".repeat(26)}`);
    for (const text of ["", "x", uuidOf(id).slice(1), uuidOf(id).replaceAll("-", ""), `${uuidOf(id)}0`, id]) {
      expect(idOfUuid("ws", text)).toBeUndefined();
    }
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
