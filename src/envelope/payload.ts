// The plaintext to seal: raw bytes, or named parts in a canonical encoding.
import type { Payload } from "../domain/secret/payload.ts";
import { Sensitive } from "../domain/sensitive.ts";
import { createReader, uint32Bytes, utf8Bytes } from "./bytes.ts";
import { valueCorrupt } from "./corrupt.ts";

/** Copies the bytes, so that zeroing the payload does not change the caller's. */
export function dataPayload(data: Uint8Array): Payload {
  return { form: "data", bytes: new Sensitive(Uint8Array.from(data)) };
}

/** count(4), then key(2 + n) and value(4 + n) of each part, in the order of the keys' UTF-8 bytes. */
export function keyValuesPayload(values: Readonly<Record<string, Uint8Array>>): Payload {
  const parts = Object.entries(values).map(([key, value]) => ({ key: utf8Bytes(key), value }));
  parts.sort((a, b) => Buffer.compare(a.key, b.key));
  const bytes = Buffer.concat([
    uint32Bytes(parts.length),
    ...parts.flatMap(({ key, value }) => [uint16Bytes(key.byteLength), key, uint32Bytes(value.byteLength), value]),
  ]);
  return { form: "key_values", bytes: new Sensitive(bytes) };
}

/** Encodes the field names of a reference, like a map of named parts. */
export function referencePayload(references: Readonly<Record<string, string>>): Payload {
  const parts = Object.entries(references).map(([name, reference]) => [name, utf8Bytes(reference)] as const);
  return { ...keyValuesPayload(Object.fromEntries(parts)), form: "reference" };
}

/** Fails with VALUE_CORRUPT unless `keyValuesPayload` wrote exactly these bytes. The values are views of the bytes. */
export function decodeKeyValues(bytes: Sensitive): Map<string, Uint8Array> {
  const reader = createReader(bytes.reveal());
  const values = new Map<string, Uint8Array>();
  let previousKey: Uint8Array | undefined;
  for (let left = reader.uint32(); left > 0; left--) {
    const key = reader.text(reader.uint16());
    const keyBytes = utf8Bytes(key);
    if (previousKey !== undefined && Buffer.compare(previousKey, keyBytes) >= 0) throw valueCorrupt();
    previousKey = keyBytes;
    values.set(key, reader.take(reader.uint32()));
  }
  reader.end();
  return values;
}

function uint16Bytes(value: number): Uint8Array {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}
