// Ids: a prefix that names the type of resource, and 128 bits that sort by creation time.
import type { RandomBytes } from "./random.ts";

/** The resources that have ids, by prefix. */
export type IdPrefix =
  | "ws"
  | "sec"
  | "secv"
  | "kms"
  | "tok"
  | "acr"
  | "prn"
  | "aud"
  | "req"
  | "dep"
  | "sbx"
  | "egr"
  | "eca"
  | "vc";

// Crockford's base32 in lower case sorts like the numbers and has no letters that look alike.
const alphabet = "0123456789abcdefghjkmnpqrstvwxyz";
const charactersPerId = 26;

/** Returns a new id: the 128 bits of a UUIDv7 (RFC 9562) in 26 characters of base32. */
export function newId(prefix: IdPrefix, now: Date, random: RandomBytes): string {
  return `${prefix}_${base32(uuidV7(now.getTime(), random(10)))}`;
}

/** Returns the id of something that coffer did not create, such as a JWT, from its digest. */
export function idOfDigest(prefix: "prn_jwt" | "jwt", digest: Uint8Array): string {
  return `${prefix}_${base32(digest.subarray(0, 16))}`;
}

/** Whether `id` has the form of an id with this prefix. */
export function isId(prefix: IdPrefix, id: string): boolean {
  return id.startsWith(`${prefix}_`) && /^[0-7][0-9a-hjkmnp-tv-z]{25}$/.test(id.slice(prefix.length + 1));
}

/** Returns the id as a UUID (RFC 9562): the same 128 bits. */
export function uuidOf(id: string): string {
  const text = id.slice(id.lastIndexOf("_") + 1);
  const bits = [...text].reduce((value, character) => (value << 5n) | BigInt(alphabet.indexOf(character)), 0n);
  return bits
    .toString(16)
    .padStart(32, "0")
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** Returns the UUID of a principal, created by coffer or known by its JWT. Undefined if the id is not valid. */
export function principalUuid(principalId: string | undefined): string | undefined {
  return principalId !== undefined && isPrincipalId(principalId) ? uuidOf(principalId) : undefined;
}

/** Returns the id with this prefix and the bits of the UUID. Undefined if the UUID is not valid. */
export function idOfUuid(prefix: IdPrefix, uuid: string): string | undefined {
  if (!/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(uuid)) return undefined;
  return `${prefix}_${base32(Buffer.from(uuid.replaceAll("-", ""), "hex"))}`;
}

/** Whether `id` has the form of a principal's id: created by coffer, or known by its JWT. */
export function isPrincipalId(id: string): boolean {
  return isId("prn", id.replace(/^prn_jwt_/, "prn_"));
}

function uuidV7(unixMs: number, random: Uint8Array): Uint8Array {
  // One buffer for all ids: it is read before the next one is made.
  const bytes = uuid;
  bytes.set(random, 6);
  for (let i = 5, rest = unixMs; i >= 0; i--, rest = Math.floor(rest / 256)) bytes[i] = rest % 256;
  bytes[6] = 0x70 | (byteAt(bytes, 6) & 0x0f);
  bytes[8] = 0x80 | (byteAt(bytes, 8) & 0x3f);
  return bytes;
}

const uuid = new Uint8Array(16);
const characters = Buffer.alloc(charactersPerId);
const alphabetCodes = Buffer.from(alphabet, "latin1");

/** The first character holds three bits, each of the others five. */
function base32(bytes: Uint8Array): string {
  let length = 0;
  let bits = 0;
  let bitCount = charactersPerId * 5 - bytes.byteLength * 8;
  for (let i = 0; i < bytes.byteLength; i++) {
    bits = ((bits << 8) | byteAt(bytes, i)) & 0xfff;
    bitCount += 8;
    while (bitCount >= 5) {
      bitCount -= 5;
      characters[length++] = byteAt(alphabetCodes, (bits >> bitCount) & 31);
    }
  }
  // Characters that are added one by one would make a chain of 26 strings.
  return characters.toString("latin1", 0, length);
}

function byteAt(bytes: Uint8Array, index: number): number {
  return bytes[index] as number;
}
