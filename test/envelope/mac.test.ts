// Row MACs: any two different rows are told apart.
import { expect, test } from "vitest";
import { Sensitive } from "../../src/domain/sensitive.ts";
import { hashToken, type MacField, macRow, verifyRow } from "../../src/envelope/mac.ts";
import { hex, random } from "./fixtures.ts";

const key = new Sensitive(random(32));
const date = new Date("2026-01-01T00:00:00Z");

test("every difference between rows shows", () => {
  const rows: MacField[][] = [
    [],
    [null],
    [""],
    [null, null],
    ["", null],
    [null, ""],
    ["null"],
    ["ab", "c"],
    ["a", "bc"],
    ["abc"],
    ["a", "b", "c"],
    [1],
    ["1"],
    [true],
    [false],
    [0],
    [Uint8Array.of(1)],
    [Uint8Array.of(0)],
    [new Uint8Array(0)],
    [date],
    [date.getTime()],
    [date.toISOString()],
    [1, 23],
    [12, 3],
    [-1],
    [18446744073709551615n],
  ];
  const macs = rows.map((row) => hex(macRow(key, "table/v1", row)));
  expect(new Set(macs).size).toBe(rows.length);
  expect(macs).not.toContain(hex(macRow(key, "table/v2", [])));
  expect(hex(macRow(key, "a", ["b"]))).not.toBe(hex(macRow(key, "ab", [])));
});

test("a number is the same however it is carried", () => {
  expect(hex(macRow(key, "t", [5, -0]))).toBe(hex(macRow(key, "t", [5n, 0])));
});

test("verifies the row it was made for only", () => {
  const mac = macRow(key, "t", ["a", 1]);
  expect(verifyRow(key, "t", ["a", 1], mac)).toBe(true);
  expect(verifyRow(key, "t", ["a", 2], mac)).toBe(false);
  expect(verifyRow(key, "u", ["a", 1], mac)).toBe(false);
  expect(verifyRow(new Sensitive(random(32)), "t", ["a", 1], mac)).toBe(false);
  expect(verifyRow(key, "t", ["a", 1], mac.subarray(1))).toBe(false);
  expect(verifyRow(key, "t", ["a", 1], new Uint8Array(0))).toBe(false);
});

test("refuses what has no one encoding", () => {
  for (const field of [1.5, Number.NaN, 2 ** 53, new Date(Number.NaN), "\ud800"]) {
    expect(() => macRow(key, "t", [field])).toThrow(TypeError);
  }
});

test("a token's hash depends on the token and the pepper", () => {
  const hashes = [hashToken(key, "a"), hashToken(key, "b"), hashToken(new Sensitive(random(32)), "a")].map(hex);
  expect(new Set(hashes).size).toBe(3);
  expect(hex(hashToken(key, "a"))).toBe(hashes[0]);
});
