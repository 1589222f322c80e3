// Slots: a placeholder is found only where the credential belongs, and the value is written nowhere else.
import { describe, expect, it } from "vitest";
import type { AuthScheme } from "../../../src/domain/egress/egress-rule.ts";
import { fitsHeader, slotsOf } from "../../../src/domain/egress/inject.ts";

const slot = (scheme: AuthScheme) => {
  const [first] = slotsOf(scheme);
  if (!first) throw new Error("no slot");
  return first;
};
const base64 = (text: string) => Buffer.from(text).toString("base64");
// Texts with a meaning in replacement patterns.
const value = "$&-$1-$$-secret";

describe("bearer", () => {
  const bearer = slot({ type: "bearer" });
  it.each([
    ["Bearer stand-in", "stand-in"],
    ["bearer   stand-in ", "stand-in"],
    ["token stand-in", "stand-in"],
    ["tokens stand-in", undefined],
    ["Basic c3RhbmQtaW4=", undefined],
    ["stand-in", undefined],
    ["Bearer stand-in and-more", undefined],
    ["X Bearer stand-in", undefined],
  ])("finds in %j %j", (header, found) => {
    expect(bearer.find(header)).toBe(found);
  });
  it("writes the whole header anew", () => {
    expect(bearer.header).toBe("authorization");
    expect(bearer.write(value, "bearer   stand-in ")).toBe(`Bearer ${value}`);
    expect(bearer.write(value, "token stand-in")).toBe(`Bearer ${value}`);
  });
});

describe("basic", () => {
  const written = (scheme: AuthScheme, header: string) => {
    const text = slot(scheme).write(value, header).replace("Basic ", "");
    return Buffer.from(text, "base64").toString();
  };
  it.each([
    [`Basic ${base64("git:stand-in")}`, "stand-in"],
    [`Basic ${base64(":stand-in")}`, "stand-in"],
    [`Basic ${base64("stand-in:")}`, "stand-in"],
    [`Basic ${base64("stand-in")}`, "stand-in"],
    [`Basic ${base64("git:with:colons")}`, "with:colons"],
    ["Basic !!", undefined],
    ["Bearer stand-in", undefined],
    [`Basic ${base64(":")}`, undefined],
  ])("finds in %j %j", (header, found) => {
    expect(slot({ type: "basic" }).find(header)).toBe(found);
  });
  it("keeps the request's user unless the rule has one", () => {
    expect(written({ type: "basic" }, `Basic ${base64("git:stand-in")}`)).toBe(`git:${value}`);
    expect(written({ type: "basic" }, `Basic ${base64(":stand-in")}`)).toBe(`x:${value}`);
    expect(written({ type: "basic" }, `Basic ${base64("stand-in:")}`)).toBe(`x:${value}`);
    expect(written({ type: "basic" }, `Basic ${base64("stand-in:x-oauth-basic")}`)).toBe(`x:${value}`);
    expect(written({ type: "basic", username: "me" }, `Basic ${base64("git:stand-in")}`)).toBe(`me:${value}`);
  });
});

describe("api-key and custom", () => {
  const key = slot({ type: "api-key", header: "X-Api-Key", prefix: "Key " });
  it("find the placeholder between what the rule puts around it", () => {
    expect(key.header).toBe("x-api-key");
    expect(key.find("Key stand-in")).toBe("stand-in");
    expect(key.find("stand-in")).toBeUndefined();
    expect(key.write(value, "Key stand-in")).toBe(`Key ${value}`);
    const [first, second] = slotsOf({ type: "custom", headers: { "X-A": "a={{ value }};b", "X-B": "{{value}}" } });
    expect(first?.find("a=stand-in;b")).toBe("stand-in");
    expect(first?.find("a=;")).toBeUndefined();
    expect(first?.write(value, "")).toBe(`a=${value};b`);
    expect(second?.find("stand-in")).toBe("stand-in");
  });
});

it.each(["a\r\nb", "a\nb", "a\0b", "", " a", "a ", "ключ", "a\tb"])("%j cannot stand in a header", (text) => {
  expect(fitsHeader(text)).toBe(false);
});
