// Ids: a prefix that names the kind of thing, and 128 bits that sort by creation time.
import type { RandomBytes } from "./random.ts";

/** What has an id, by its prefix. */
export type IdPrefix = "ws" | "sec" | "secv" | "kms" | "tok" | "prn" | "aud" | "req" | "dep";

// Crockford's base32 in lower case: it sorts as its numbers do and has no letters that look alike.
const alphabet = "0123456789abcdefghjkmnpqrstvwxyz";
const charactersPerId = 26;

/** A new id: the 128 bits of a UUIDv7 (RFC 9562) in 26 characters of base32. */
export function newId(prefix: IdPrefix, now: Date, random: RandomBytes): string {
  return `${prefix}_${base32(uuidV7(now.getTime(), random(10)))}`;
}

/** An id that stands for what has the digest: for things that are known by what they are, not made here. */
export function idOfDigest(prefix: "prn_jwt" | "jwt", digest: Uint8Array): string {
  let value = 0n;
  for (const byte of digest.subarray(0, 16)) value = (value << 8n) | BigInt(byte);
  return `${prefix}_${base32(value)}`;
}

/** Whether `id` has the form of an id with this prefix. */
export function isId(prefix: IdPrefix, id: string): boolean {
  return id.startsWith(`${prefix}_`) && /^[0-7][0-9a-hjkmnp-tv-z]{25}$/.test(id.slice(prefix.length + 1));
}

function uuidV7(unixMs: number, random: Uint8Array): bigint {
  let randomBits = 0n;
  for (const byte of random) randomBits = (randomBits << 8n) | BigInt(byte);
  const randomA = randomBits >> 68n;
  const randomB = randomBits & ((1n << 62n) - 1n);
  return (BigInt(unixMs) << 80n) | (7n << 76n) | (randomA << 64n) | (2n << 62n) | randomB;
}

function base32(value: bigint): string {
  let text = "";
  for (let rest = value; text.length < charactersPerId; rest >>= 5n) text = alphabet[Number(rest & 31n)] + text;
  return text;
}
