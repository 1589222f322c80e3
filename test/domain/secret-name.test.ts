// Names and the paths that follow from them.
import { describe, expect, it } from "vitest";
import { checkSecretName, pathOf } from "../../src/domain/secret-name.ts";

const seen = (name: string, field?: string) => {
  try {
    return checkSecretName(name, field);
  } catch (error) {
    return error;
  }
};

describe("a name", () => {
  it.each([
    "a",
    "/a",
    "a/b/c",
    ".hidden",
    "a..b",
    "...",
    "a/.b/..c/d.",
    " leading and trailing ",
    "é",
    "日本語/鍵",
    "😀".repeat(512),
    "a\\b",
    "a%2Fb",
    "~",
    "a".repeat(512),
    `/${"a".repeat(511)}`,
  ])("may be %j", (name) => {
    expect(seen(name)).toBeUndefined();
  });

  it.each([
    ["", "empty"],
    ["/", "slash"],
    ["//a", "segment"],
    ["a//b", "segment"],
    ["a/", "slash"],
    [".", "segment"],
    ["..", "segment"],
    ["./a", "segment"],
    ["a/../b", "segment"],
    ["/..", "segment"],
    ["a\u0000", "control"],
    ["a\nb", "control"],
    ["\u007f", "control"],
    ["\u009f", "control"],
    ["e\u0301", "NFC"],
    ["\u212b", "NFC"],
    ["\ud800", "surrogates"],
    ["a\udc00b", "surrogates"],
    ["a".repeat(513), "512"],
    ["😀".repeat(513), "512"],
  ])("may not be %j", (name, rule) => {
    expect(seen(name)).toMatchObject({
      reason: "FIELD_INVALID",
      violations: [{ field: "name", description: expect.stringContaining(rule) }],
    });
  });

  it("that breaks a rule is not repeated in the error, and the field is the one of the request", () => {
    const error = seen("canary//", "secret.name");
    expect(String(error)).not.toContain("canary");
    expect(error).toMatchObject({ metadata: { field: "secret.name" } });
  });
});

describe("a path", () => {
  it("is the same with and without a leading slash", () => {
    expect([pathOf("a/b"), pathOf("/a/b")]).toEqual(["/a/b", "/a/b"]);
  });
});
