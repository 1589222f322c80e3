// Placeholders: what a sandbox holds in place of a credential. Worth nothing by itself, of the shape that programs expect, and known
// again by coffer wherever it stands, whoever it was made for.
import type { RandomBytes } from "../random.ts";
import { createChooser } from "../random-choice.ts";

export interface PlaceholderShape {
  prefix: string;
  /** Characters after the prefix. */
  length: number;
  alphabet: "alphanumeric" | "base64url";
}

/** A keyed hash, of which a placeholder carries a part. */
export type PlaceholderMac = (text: string) => Uint8Array;

const alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const alphabets: Readonly<Record<PlaceholderShape["alphabet"], string>> = {
  alphanumeric,
  base64url: `${alphanumeric}-_`,
};
/** A text of the right shape that coffer did not make is taken for one of its own once in 56,800,000,000 times. */
const macLength = 6;
const runs = /[A-Za-z0-9_-]+/g;

/** Where no preset says what the credential looks like. */
export const customShape: PlaceholderShape = { prefix: "ssrv_proxy_", length: 43, alphabet: "base64url" };

/** Random but for its last characters: at least 83 bits, all characters equally likely. */
export function newPlaceholder(shape: PlaceholderShape, random: RandomBytes, mac: PlaceholderMac): string {
  const { prefix, length, alphabet } = shape;
  const characters = alphabets[alphabet];
  const { below } = createChooser(random);
  const body = Array.from({ length: length - macLength }, () => characters[below(characters.length)]);
  const text = prefix + body.join("");
  return text + macText(shape, text, mac);
}

/** What in a text may be a placeholder: it has nothing of the characters of one around it. */
export function candidatesIn(text: string): readonly string[] {
  return text.match(runs) ?? [];
}

/** Tells whether a text was made as a placeholder of one of the shapes, whoever it was made for. */
export function placeholderTest(
  shapes: readonly PlaceholderShape[],
  mac: PlaceholderMac,
): (candidate: string) => boolean {
  const byLength = Map.groupBy(shapes, ({ prefix, length }) => prefix.length + length);
  return (candidate) => {
    const alike = byLength.get(candidate.length)?.filter(({ prefix }) => candidate.startsWith(prefix)) ?? [];
    return alike.some((shape) => candidate.endsWith(macText(shape, candidate.slice(0, -macLength), mac)));
  };
}

function macText({ alphabet }: PlaceholderShape, text: string, mac: PlaceholderMac): string {
  const characters = alphabets[alphabet];
  return [...mac(text).subarray(0, macLength)].map((byte) => characters[byte % characters.length]).join("");
}
