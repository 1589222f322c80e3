// EMSA-PSS (RFC 8017, 9.1) of a hash that the caller computed, because node:crypto signs only data that it hashes itself.
import { hash as hashOnce, timingSafeEqual } from "node:crypto";
import { type HashName, hashes } from "../domain/key/hash-name.ts";
import type { RandomBytes } from "../domain/random.ts";

const trailer = 0xbc;

/** Returns the encoded message for a modulus of `sizeBytes` with all bits in use, with a salt as long as the hash. */
export function encodePss(digest: Uint8Array, hash: HashName, sizeBytes: number, random: RandomBytes): Buffer {
  const salt = random(digest.byteLength);
  const h = hashSalted(digest, salt, hash);
  const db = Buffer.alloc(sizeBytes - h.byteLength - 1);
  db.set(salt, db.byteLength - salt.byteLength);
  db[db.byteLength - salt.byteLength - 1] = 1;
  mask(db, h, hash);
  return Buffer.concat([db, h, Uint8Array.of(trailer)]);
}

/** Whether the message encodes this hash, with a salt of any length. */
export function isPssOf(encoded: Buffer, digest: Uint8Array, hash: HashName): boolean {
  const h = encoded.subarray(encoded.byteLength - 1 - digest.byteLength, -1);
  const db = Buffer.from(encoded.subarray(0, encoded.byteLength - 1 - digest.byteLength));
  // The topmost bit is not part of the encoding.
  if (encoded.at(-1) !== trailer || ((db[0] ?? 0) & 0x80) !== 0) return false;
  mask(db, h, hash);
  const one = db.findIndex((byte) => byte !== 0);
  if (one === -1 || db[one] !== 1) return false;
  return timingSafeEqual(hashSalted(digest, db.subarray(one + 1), hash), h);
}

function hashSalted(digest: Uint8Array, salt: Uint8Array, hash: HashName): Buffer {
  return hashOnce(hashes[hash], Buffer.concat([Buffer.alloc(8), digest, salt]), "buffer");
}

/** Applies MGF1 of `seed` to `db` in place, and clears the topmost bit. */
function mask(db: Buffer, seed: Uint8Array, hash: HashName): void {
  const counter = Buffer.alloc(4);
  for (let offset = 0, block = 0; offset < db.byteLength; block++) {
    counter.writeUInt32BE(block);
    for (const byte of hashOnce(hashes[hash], Buffer.concat([seed, counter]), "buffer")) {
      if (offset < db.byteLength) db[offset] = (db[offset] as number) ^ byte;
      offset++;
    }
  }
  db[0] = (db[0] as number) & 0x7f;
}
