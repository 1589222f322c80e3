// HKDF-SHA-256: the only way to derive a key from a key.
import { hkdfSync } from "node:crypto";
import type { Sensitive } from "../domain/sensitive.ts";

/** `info` has at most 1,024 bytes, Node's limit. */
export function derive(key: Sensitive, salt: Uint8Array, info: Uint8Array | string, sizeBytes: number): Buffer {
  return Buffer.from(hkdfSync("sha256", key.reveal(), salt, info, sizeBytes));
}

export const noSalt = new Uint8Array(0);
