// The text of tokens: a form that scanners know, a checksum, and characters that are all equally likely.
import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { newTokenText, parseTokenText, shownPrefix } from "../../src/steps/tokens/token-text.ts";

const random = (size: number) => new Uint8Array(randomBytes(size));
const newText = () => newTokenText(random).text;

describe("a new token", () => {
  it("has the documented form, and is read back as it was made", () => {
    const token = newTokenText(random);
    expect(token.text).toMatch(/^sk_coffer_[0-9A-Za-z]{10}_[0-9A-Za-z]{33}$/);
    expect(parseTokenText(token.text)).toEqual(token);
    expect(token.text.startsWith(`${shownPrefix(token.lookupId)}_${token.secret}`)).toBe(true);
    expect(shownPrefix(token.lookupId)).not.toContain(token.secret);
    expect(62n ** 27n).toBeGreaterThan(2n ** 160n);
  });

  it("always has the same text for the same randomness: the checksum is part of the format", () => {
    const counting = (size: number) => Uint8Array.from({ length: size }, (_, index) => index);
    expect(newTokenText(counting).text).toBe("sk_coffer_0123456789_0123456789ABCDEFGHIJKLMNOPQ3bvK0P");
  });

  it("never is the same twice", () => {
    expect(new Set(Array.from({ length: 1_000 }, newText)).size).toBe(1_000);
  });

  it("draws every character equally often", () => {
    const counts = new Map<string, number>();
    const tokens = 4_000;
    for (let count = 0; count < tokens; count++) {
      for (const character of newTokenText(random).secret) counts.set(character, (counts.get(character) ?? 0) + 1);
    }
    expect(counts.size).toBe(62);
    const expected = (tokens * 27) / 62;
    const chiSquared = [...counts.values()].reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    // 61 degrees of freedom: more than 130 happens once in a million runs. Bytes taken modulo 62 give more than 1,000.
    expect(chiSquared).toBeLessThan(130);
  });

  it("takes no byte from 248 up, which would make some characters likelier", () => {
    let calls = 0;
    const biased = (size: number) => new Uint8Array(size).fill(calls++ % 2 === 0 ? 250 : 61);
    expect(newTokenText(biased)).toMatchObject({ lookupId: "z".repeat(10), secret: "z".repeat(27) });
  });
});

describe("what is no token", () => {
  it.each([
    ["", () => ""],
    ["another prefix", () => newText().replace("sk_coffer", "sk_akua")],
    ["a prefix in capitals", () => newText().replace("sk_", "SK_")],
    ["one character less", () => newText().slice(0, -1)],
    ["one character more", () => `${newText()}0`],
    ["a line break behind", () => `${newText()}\n`],
    ["a space before", () => ` ${newText()}`],
    ["a character that is none of base62", () => newText().replace(/.$/, "-")],
    ["a checksum of zeros", () => `${newText().slice(0, -6)}000000`],
  ])("is told by %s", (_, text) => {
    expect(parseTokenText(text())).toBeUndefined();
  });

  it("is told by any one character that changed, and by two that changed places", () => {
    const text = newText();
    for (let at = 0; at < text.length; at++) {
      const other = text[at] === "a" ? "b" : "a";
      expect(parseTokenText(text.slice(0, at) + other + text.slice(at + 1)), `at ${at}`).toBeUndefined();
    }
    for (let at = 21; at < text.length - 1; at++) {
      if (text[at] === text[at + 1]) continue;
      const swapped = `${text.slice(0, at)}${text[at + 1]}${text[at]}${text.slice(at + 2)}`;
      expect(parseTokenText(swapped), `at ${at}`).toBeUndefined();
    }
  });
});
