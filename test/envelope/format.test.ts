// Envelopes as bytes: one encoding each, and nothing else is read.
import { expect, test } from "vitest";
import { algorithms } from "../../src/envelope/algorithms.ts";
import { seal } from "../../src/envelope/envelope.ts";
import { formatEnvelope, parseEnvelope } from "../../src/envelope/format.ts";
import { dataPayload } from "../../src/envelope/payload.ts";
import { context, expectCorrupt, hex, keyVersionOf, random } from "./fixtures.ts";

const keyVersion = keyVersionOf("aes256-gcm96", 4_294_967_295);
const envelope = seal({ keyVersion, context, payload: dataPayload(Buffer.from("x")), random });
const idSize = keyVersion.kmsKeyId.length;

test.each(algorithms)("what is read is written alike: %s", (algorithm) => {
  const bytes = seal({ keyVersion: keyVersionOf(algorithm), context, payload: dataPayload(random(100)), random });
  expect(hex(formatEnvelope(parseEnvelope(bytes)))).toBe(hex(bytes));
});

test("the parts stand where the format says", () => {
  const { wrappedDek, nonce, ciphertext, keyVersion: named } = parseEnvelope(envelope);
  expect(named).toEqual({ kmsKeyId: "kms_1", version: 4_294_967_295, algorithm: "aes256-gcm96" });
  expect([...envelope.subarray(0, 3)]).toEqual([1, 2, idSize]);
  expect(wrappedDek.ciphertext).toHaveLength(48);
  expect(nonce).toHaveLength(12);
  expect(ciphertext).toHaveLength(17);
});

test("rejects unknown versions and algorithms", () => {
  for (const version of [0, 2, 255]) expectCorrupt(() => parseEnvelope(changed(0, version)));
  for (const algorithm of [0, 4, 255]) expectCorrupt(() => parseEnvelope(changed(1, algorithm)));
});

test("rejects a DEK of another algorithm's size", () => {
  expectCorrupt(() => parseEnvelope(changed(1, 1)));
});

test("rejects lengths beyond the end without allocating them", () => {
  const payloadLengthAt = envelope.byteLength - 17 - 4;
  for (const length of [0xffffffff, 0x7fffffff, 18, 16, 0]) {
    const altered = Buffer.from(envelope);
    altered.writeUInt32BE(length, payloadLengthAt);
    expectCorrupt(() => parseEnvelope(altered));
  }
  expectCorrupt(() => parseEnvelope(changed(2, 255)));
});

test("rejects a key id that is not UTF-8", () => {
  expectCorrupt(() => parseEnvelope(changed(3, 0xff)));
});

test("refuses to write parts of a wrong size", () => {
  const parsed = parseEnvelope(envelope);
  expect(() => formatEnvelope({ ...parsed, nonce: random(11) })).toThrow(RangeError);
  expect(() => formatEnvelope({ ...parsed, wrappedDek: { ...parsed.wrappedDek, salt: random(31) } })).toThrow(
    RangeError,
  );
  for (const kmsKeyId of ["", "k".repeat(256)]) {
    expect(() => formatEnvelope({ ...parsed, keyVersion: { ...keyVersion, kmsKeyId } })).toThrow(RangeError);
  }
  expect(() => formatEnvelope({ ...parsed, keyVersion: { ...keyVersion, version: 2 ** 32 } })).toThrow(RangeError);
});

function changed(index: number, byte: number): Buffer {
  const altered = Buffer.from(envelope);
  altered[index] = byte;
  return altered;
}
