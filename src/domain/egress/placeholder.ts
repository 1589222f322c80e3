// Placeholders: what a sandbox holds in place of a credential. Random, worth nothing by itself, and of the shape that programs expect.
import type { RandomBytes } from "../random.ts";

export interface PlaceholderShape {
  prefix: string;
  /** Characters after the prefix. */
  length: number;
  alphabet: "alphanumeric" | "base64url";
}

const alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const alphabets: Readonly<Record<PlaceholderShape["alphabet"], string>> = {
  alphanumeric,
  base64url: `${alphanumeric}-_`,
};

/** Where no preset says what the credential looks like. */
export const customShape: PlaceholderShape = { prefix: "ssrv_proxy_", length: 43, alphabet: "base64url" };

/** At least 119 bits, each character as likely as any other. */
export function newPlaceholder({ prefix, length, alphabet }: PlaceholderShape, random: RandomBytes): string {
  const characters = alphabets[alphabet];
  // Bytes from here on would favour the first characters.
  const limit = 256 - (256 % characters.length);
  let body = "";
  while (body.length < length) {
    for (const byte of random(length)) {
      if (byte < limit && body.length < length) body += characters[byte % characters.length];
    }
  }
  return prefix + body;
}
