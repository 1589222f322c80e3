// The text of an API token: `sk_coffer_<id 10>_<secret 27><checksum 6>`, so that scanners and a checksum tell garbage apart.
import { crc32 } from "node:zlib";
import type { RandomBytes } from "../../domain/random.ts";

const prefix = "sk_coffer";
const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const idCharacters = 10;
// 27 characters of base62 are 160 bits.
const secretCharacters = 27;
const checksumCharacters = 6;
const pattern = new RegExp(
  `^${prefix}_([0-9A-Za-z]{${idCharacters}})_([0-9A-Za-z]{${secretCharacters}})([0-9A-Za-z]{6})$`,
);

export interface TokenText {
  text: string;
  /** Names the token; no secret. */
  lookupId: string;
  secret: string;
}

/** A new token. */
export function newTokenText(random: RandomBytes): TokenText {
  const lookupId = randomText(idCharacters, random);
  const secret = randomText(secretCharacters, random);
  const body = `${prefix}_${lookupId}_${secret}`;
  return { text: body + checksumOf(body), lookupId, secret };
}

/** The parts of a token; undefined when it cannot be one. */
export function parseTokenText(text: string): TokenText | undefined {
  const match = pattern.exec(text);
  if (!match) return undefined;
  const [, lookupId, secret, checksum] = match as unknown as [string, string, string, string];
  if (checksum !== checksumOf(`${prefix}_${lookupId}_${secret}`)) return undefined;
  return { text, lookupId, secret };
}

/** What may be shown of a token. */
export function shownPrefix(lookupId: string): string {
  return `${prefix}_${lookupId}`;
}

/** Returns the end of a token with the given beginning. */
export function checksumOf(body: string): string {
  let rest = crc32(body);
  let text = "";
  for (let place = 0; place < checksumCharacters; place++) {
    text = alphabet[rest % alphabet.length] + text;
    rest = Math.floor(rest / alphabet.length);
  }
  return text;
}

// Bytes from 248 up are drawn again, so that every character is equally likely.
function randomText(length: number, random: RandomBytes): string {
  let text = "";
  while (text.length < length) {
    for (const byte of random(length)) {
      if (byte < 248 && text.length < length) text += alphabet[byte % alphabet.length];
    }
  }
  return text;
}
