// Key/value payloads: one encoding for each map, and nothing else is decoded.
import { expect, test } from "vitest";
import { Sensitive } from "../../src/domain/sensitive.ts";
import { dataPayload, decodeKeyValues, keyValuesPayload } from "../../src/envelope/payload.ts";
import { expectCorrupt, hex } from "./fixtures.ts";

const one = Buffer.of(1);

test("the order in which parts were given makes no difference", () => {
  const forwards = keyValuesPayload({ a: one, B: Buffer.of(2), "a.b": Buffer.of(3), "": Buffer.of(4) });
  const backwards = keyValuesPayload({ "": Buffer.of(4), "a.b": Buffer.of(3), B: Buffer.of(2), a: one });
  expect(hex(forwards.bytes.reveal())).toBe(hex(backwards.bytes.reveal()));
});

test("parts come back whatever their names are", () => {
  const values = Object.fromEntries(["__proto__", "constructor", "\ufeffbom", "\u{1f512}"].map((key) => [key, one]));
  const decoded = decodeKeyValues(keyValuesPayload(values).bytes);
  expect(new Set(decoded.keys())).toEqual(new Set(Object.keys(values)));
});

test("how text is shared out between keys and values shows", () => {
  const payloads = [{ ab: Buffer.from("c") }, { a: Buffer.from("bc") }, { a: Buffer.from("b"), c: Buffer.alloc(0) }];
  expect(new Set(payloads.map((values) => hex(keyValuesPayload(values).bytes.reveal()))).size).toBe(3);
});

test("rejects every truncation and added bytes", () => {
  const bytes = keyValuesPayload({ a: one, b: Buffer.of(2, 3) }).bytes.reveal();
  for (let size = 0; size < bytes.byteLength; size++) {
    expectCorrupt(() => decodeKeyValues(new Sensitive(bytes.subarray(0, size))));
  }
  expectCorrupt(() => decodeKeyValues(new Sensitive(Buffer.concat([bytes, Buffer.of(0)]))));
});

test.each([
  ["keys out of order", "00000002" + "000162" + "0000000101" + "000161" + "0000000101"],
  ["a key twice", "00000002" + "000161" + "0000000101" + "000161" + "0000000102"],
  ["a key that is not UTF-8", "00000001" + "0001ff" + "0000000101"],
  ["more parts than there are", "ffffffff" + "000161" + "0000000101"],
  ["a value beyond the end", "00000001" + "000161" + "ffffffff01"],
])("rejects %s", (_name, encoded) => {
  expectCorrupt(() => decodeKeyValues(new Sensitive(Buffer.from(encoded, "hex"))));
});

test("refuses a key with a lone surrogate", () => {
  expect(() => keyValuesPayload({ "\ud800": one })).toThrow(TypeError);
});

test("overwriting a payload leaves the bytes it was made of alone", () => {
  const given = Buffer.from("value");
  const payload = dataPayload(given);
  payload.bytes.zero();
  expect(given.toString()).toBe("value");
  expect(hex(payload.bytes.reveal())).toBe("0000000000");
});
