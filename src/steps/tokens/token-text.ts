// Makes and parses the text of an API token: `sk_coffer_<id 10>_<secret 27><checksum 6>`. Scanners know the form and can check it.
import { crc32 } from "node:zlib";
import type { RandomBytes } from "../../domain/random.ts";

const prefix = "sk_coffer";
const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const idCharacters = 10;
// 27 characters of base62 are 160 bits.
const secretCharacters = 27;
const checksumCharacters = 6;
const pattern = new RegExp(
  `^${prefix}_[0-9A-Za-z]{${idCharacters}}_[0-9A-Za-z]{${secretCharacters + checksumCharacters}}$`,
);

export interface TokenText {
  text: string;
  /** Identifies the token; not secret. */
  lookupId: string;
  secret: string;
}

/** Returns a new token. */
export function newTokenText(random: RandomBytes): TokenText {
  const lookupId = randomText(idCharacters, random);
  const secret = randomText(secretCharacters, random);
  const body = `${prefix}_${lookupId}_${secret}`;
  return { text: body + checksumOf(body), lookupId, secret };
}

/** Returns the parts of a token; undefined for a text of another form. */
export function parseTokenText(text: string): TokenText | undefined {
  if (!pattern.test(text)) return undefined;
  const checksumStart = text.length - checksumCharacters;
  const secretStart = checksumStart - secretCharacters;
  if (text.slice(checksumStart) !== checksumOf(text.slice(0, checksumStart))) return undefined;
  const lookupId = text.slice(secretStart - 1 - idCharacters, secretStart - 1);
  return { text, lookupId, secret: text.slice(secretStart, checksumStart) };
}

/** Returns the beginning of a token, which may be shown. */
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
