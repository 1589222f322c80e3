// The plaintext of a version, in the form in which it was given.
import { invalidField } from "../error/errors.ts";
import type { Sensitive } from "../sensitive.ts";

/** `reference`: a map of references to fields in a vault, in the same bytes as key_values. */
export type PayloadForm = "data" | "key_values" | "reference";

/** Plaintext. Every value is one message of bytes, also a key/value map. */
export interface Payload {
  form: PayloadForm;
  bytes: Sensitive;
}

const sizeBytesMax = 65_536;

/** Fails when a single value takes more than 65,536 bytes. */
export function checkDataSize(data: Uint8Array, field: string): void {
  if (data.byteLength > sizeBytesMax) throw invalidField(field, `must take at most ${sizeBytesMax} bytes`);
}

/** Fails when the parts of a key/value map take more than 65,536 bytes together. */
export function checkKeyValuesSize(values: Record<string, Uint8Array>, field: string): void {
  const sizeBytes = Object.values(values).reduce((sum, value) => sum + value.byteLength, 0);
  if (sizeBytes > sizeBytesMax) throw invalidField(field, `must take at most ${sizeBytesMax} bytes in total`);
}
