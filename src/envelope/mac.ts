// Keyed hashes: of token secrets, and of rows that decide who gets a value.
import { createHmac, timingSafeEqual } from "node:crypto";
import { assertNever } from "../domain/errors.ts";
import type { Sensitive } from "../domain/sensitive.ts";
import { utf8Bytes } from "./bytes.ts";

/** A column's value. Equal columns must arrive as equal types: `5` and `5n` are the same, `"5"` is not. */
export type MacField = string | number | bigint | boolean | Uint8Array | Date | null;

/** What Postgres keeps of a token's secret part. */
export function hashToken(pepper: Sensitive, secret: string): Buffer {
  return createHmac("sha256", pepper.reveal()).update(utf8Bytes(secret)).digest();
}

/** The MAC of a row; `label` names the table and the version of its list of fields. */
export function macRow(key: Sensitive, label: string, fields: readonly MacField[]): Buffer {
  // One update: each costs as much as hashing a row does.
  const parts = [label, ...fields].flatMap((field) => {
    const { tag, bytes } = encodeField(field);
    const head = Buffer.allocUnsafe(5);
    head.writeUInt8(tag);
    head.writeUInt32BE(bytes.byteLength, 1);
    return [head, bytes];
  });
  return createHmac("sha256", key.reveal()).update(Buffer.concat(parts)).digest();
}

/** Takes the same time wherever the MACs differ. */
export function verifyRow(key: Sensitive, label: string, fields: readonly MacField[], mac: Uint8Array): boolean {
  const expected = macRow(key, label, fields);
  return expected.byteLength === mac.byteLength && timingSafeEqual(expected, mac);
}

function encodeField(field: MacField): { tag: number; bytes: Uint8Array } {
  if (field === null) return { tag: 0, bytes: new Uint8Array(0) };
  if (field instanceof Date) return { tag: 4, bytes: integerBytes(field.getTime()) };
  if (field instanceof Uint8Array) return { tag: 3, bytes: field };
  switch (typeof field) {
    case "string":
      return { tag: 1, bytes: utf8Bytes(field) };
    case "number":
    case "bigint":
      return { tag: 2, bytes: integerBytes(field) };
    case "boolean":
      return { tag: 5, bytes: Uint8Array.of(field ? 1 : 0) };
    default:
      return assertNever(field);
  }
}

function integerBytes(value: number | bigint): Uint8Array {
  if (typeof value === "number" && !Number.isSafeInteger(value)) throw new TypeError("only whole numbers are hashed");
  // -0 and 0 are the same column.
  return utf8Bytes(BigInt(value).toString());
}
