// HMACs (RFC 2104) of callers' data.
import { createHmac, timingSafeEqual } from "node:crypto";
import { type HashName, hashes } from "../domain/key/hash-name.ts";
import type { KeyAlgorithm } from "./algorithms.ts";
import type { KeyVersion } from "./key-version.ts";

export function macData({ key }: KeyVersion<KeyAlgorithm>, input: Uint8Array, hash: HashName): Buffer {
  return createHmac(hashes[hash], key.reveal()).update(input).digest();
}

/** Compares in constant time. */
export function isMacOf(
  version: KeyVersion<KeyAlgorithm>,
  input: Uint8Array,
  hash: HashName,
  mac: Uint8Array,
): boolean {
  const expected = macData(version, input, hash);
  return expected.byteLength === mac.byteLength && timingSafeEqual(expected, mac);
}
