// Placeholders: of the shape of what they stand for, never the same, and known again wherever they stand.
import { createHmac, randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { fitsHeader } from "../../../src/domain/egress/inject.ts";
import { candidatesIn, customShape, newPlaceholder, placeholderTest } from "../../../src/domain/egress/placeholder.ts";
import { placeholderShapes } from "../../../src/domain/egress/providers.ts";

const keyed = (key: string) => (text: string) => createHmac("sha256", key).update(text).digest();
const mac = keyed("a deployment's");
const isPlaceholder = placeholderTest(placeholderShapes, mac);

it.each(placeholderShapes)("has its shape, and is never the same: %j", (shape) => {
  const made = Array.from({ length: 50 }, () => newPlaceholder(shape, randomBytes, mac));
  const rest = shape.alphabet === "base64url" ? "[A-Za-z0-9_-]" : "[A-Za-z0-9]";
  for (const one of made) expect(one).toMatch(new RegExp(`^${shape.prefix}${rest}{${shape.length}}$`));
  expect(new Set(made).size).toBe(50);
  expect(made.every(fitsHeader)).toBe(true);
  expect(made.filter(isPlaceholder)).toEqual(made);
});

describe("is found", () => {
  const one = newPlaceholder(customShape, randomBytes, mac);
  const two = newPlaceholder({ prefix: "", length: 32, alphabet: "alphanumeric" }, randomBytes, mac);

  it.each([
    [`Bearer ${one}`, [one]],
    [`/path/${one}?key=${two}&a=b`, [one, two]],
    [`user:${two}`, [two]],
    [`"${one}"`, [one]],
  ])("in %j", (text, found) => {
    expect(candidatesIn(text).filter(isPlaceholder)).toEqual(found);
  });

  it.each([
    ["of another deployment", newPlaceholder(customShape, randomBytes, keyed("another's"))],
    ["with a character changed", `${one.slice(0, 20)}${one[20] === "a" ? "b" : "a"}${one.slice(21)}`],
    ["with a prefix that is not its own", `ssrv_PROXY_${one.slice(11)}`],
    ["inside a longer run", `x${one}`],
    ["of the shape alone", "0af7651916cd43dd8448eb211c80319c"],
    ["that is empty", ""],
  ])("not in a text %s", (_, text) => {
    expect(candidatesIn(text).filter(isPlaceholder)).toEqual([]);
  });
});
