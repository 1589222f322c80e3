// Makes and recognizes placeholders, which sandboxes hold instead of credentials. They have the shape that programs expect. coffer
// recognizes a placeholder of any sandbox.
import type { RandomBytes } from "../random.ts";
import { createChooser } from "../random-choice.ts";

export interface PlaceholderShape {
  prefix: string;
  /** Characters after the prefix. */
  length: number;
  alphabet: "alphanumeric" | "base64url";
}

/** A keyed hash. A placeholder contains a part of it. */
export type PlaceholderMac = (text: string) => Uint8Array;

const alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const alphabets: Readonly<Record<PlaceholderShape["alphabet"], string>> = {
  alphanumeric,
  base64url: `${alphanumeric}-_`,
};
/** One of 56,800,000,000 other texts of the same shape is taken for a placeholder. */
const macLength = 6;
const runs = /[A-Za-z0-9_-]+/g;

/** The shape without a preset. */
export const customShape: PlaceholderShape = { prefix: "ssrv_proxy_", length: 43, alphabet: "base64url" };

/** Makes a placeholder. Its characters are random, with at least 83 bits, except for the last ones. */
export function newPlaceholder(shape: PlaceholderShape, random: RandomBytes, mac: PlaceholderMac): string {
  const { prefix, length, alphabet } = shape;
  const characters = alphabets[alphabet];
  const { below } = createChooser(random);
  const body = Array.from({ length: length - macLength }, () => characters[below(characters.length)]);
  const text = prefix + body.join("");
  return text + macText(shape, text, mac);
}

/** Returns the parts of a text that may be placeholders: longest runs of their characters. */
export function candidatesIn(text: string): readonly string[] {
  return text.match(runs) ?? [];
}

/** Returns a function that recognizes placeholders of these shapes, of any sandbox. */
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
