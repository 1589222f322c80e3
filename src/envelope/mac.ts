// Keyed hashes of token secrets and of rows that decide who gets a value.
import { hash, timingSafeEqual } from "node:crypto";
import { assertNever } from "../domain/error/errors.ts";
import { Sensitive } from "../domain/sensitive.ts";
import { createWriter } from "./writer.ts";

/** The value of a column. Equal values must have equal types: `5` and `5n` are the same, `"5"` is not. */
export type MacField = string | number | bigint | boolean | Uint8Array | Date | null;

/** Returns the hash of a token's secret part, which PostgreSQL stores. */
export function hashToken(pepper: Sensitive, secret: string): Buffer {
  begin();
  if (!secret.isWellFormed()) throw new TypeError("a lone surrogate cannot be encoded");
  message.bytes(Buffer.from(secret, "utf8"));
  return finish(pepper);
}

/** Returns the MAC of a row. `label` names the table and the version of its list of fields. */
export function macRow(key: Sensitive, label: string, fields: readonly MacField[]): Buffer {
  begin();
  writeField(label);
  for (const field of fields) writeField(field);
  return finish(key);
}

/** Compares in constant time. */
export function verifyRow(key: Sensitive, label: string, fields: readonly MacField[], mac: Uint8Array): boolean {
  const expected = macRow(key, label, fields);
  return expected.byteLength === mac.byteLength && timingSafeEqual(expected, mac);
}

const message = createWriter();

function writeField(field: MacField): void {
  if (field === null) {
    message.uint8(0);
    message.uint32(0);
  } else if (field instanceof Date) {
    message.uint8(4);
    message.text(integerText(field.getTime()));
  } else if (field instanceof Uint8Array) {
    message.uint8(3);
    message.uint32(field.byteLength);
    message.bytes(field);
  } else {
    writePrimitive(field);
  }
}

function writePrimitive(field: string | number | bigint | boolean): void {
  switch (typeof field) {
    case "string":
      message.uint8(1);
      message.text(field);
      break;
    case "number":
    case "bigint":
      message.uint8(2);
      message.text(integerText(field));
      break;
    case "boolean":
      message.uint8(5);
      message.uint32(1);
      message.uint8(field ? 1 : 0);
      break;
    default:
      assertNever(field);
  }
}

function integerText(value: number | bigint): string {
  if (typeof value === "number" && !Number.isSafeInteger(value)) throw new TypeError("only whole numbers are hashed");
  // -0 and 0 are the same value.
  return value === 0 ? "0" : String(value);
}

// HMAC-SHA-256 (RFC 2104) from two one-shot hashes: for short messages, Node's Hmac objects cost more than the hashing.
const blockSizeBytes = 64;
const outerBlock = Buffer.alloc(blockSizeBytes + 32);

/** Leaves room for the padded key before the message. */
function begin(): void {
  message.start(blockSizeBytes);
}

/** Returns the HMAC of the bytes written since `begin`. */
function finish(key: Sensitive): Buffer {
  const { inner: innerPad, outer: outerPad } = padsOf(key);
  const inner = message.view();
  inner.set(innerPad.reveal());
  outerBlock.set(outerPad.reveal());
  outerBlock.write(hash("sha256", inner, "latin1"), blockSizeBytes, "latin1");
  const mac = Buffer.from(hash("sha256", outerBlock, "latin1"), "latin1");
  inner.fill(0);
  outerBlock.fill(0);
  return mac;
}

interface Pads {
  inner: Sensitive;
  outer: Sensitive;
}

// The keys of a deployment live as long as the process.
const pads = new WeakMap<Sensitive, Pads>();

function padsOf(key: Sensitive): Pads {
  let found = pads.get(key);
  if (!found) {
    const bytes = key.reveal();
    if (bytes.byteLength > blockSizeBytes) throw new RangeError("the key must fit into one block");
    const padded = (pad: number) => new Sensitive(new Uint8Array(blockSizeBytes).map((_, i) => (bytes[i] ?? 0) ^ pad));
    found = { inner: padded(0x36), outer: padded(0x5c) };
    pads.set(key, found);
  }
  return found;
}
