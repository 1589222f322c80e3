// Limits of egress rules as callers give them: one form of each, and none that would never or always let through.
import { describe, expect, it } from "vitest";
import { type EgressLimits, noLimits } from "../../../src/domain/egress/egress-rule.ts";
import { readEgressLimits } from "../../../src/domain/egress/read-limits.ts";
import type { CofferError } from "../../../src/domain/error/errors.ts";

const read = (limits: Partial<EgressLimits>) => readEgressLimits({ ...noLimits, ...limits });

function brokenFields(limits: Partial<EgressLimits>): string[] {
  try {
    read(limits);
  } catch (error) {
    return (error as CofferError).violations.map(({ field }) => field);
  }
  throw new Error("they were taken");
}

describe("succeeds", () => {
  it("with nothing", () => {
    expect(read({})).toEqual(noLimits);
  });

  it("with methods in upper case and paths without a slash at their end, each once", () => {
    const limits = { methods: ["get", "GET", "m-search"], pathPrefixes: ["/v1", "/v1/", "/a;b/$:@"] };
    expect(read(limits)).toEqual({ methods: ["GET", "M-SEARCH"], pathPrefixes: ["/v1", "/a;b/$:@"] });
  });

  it("with the least and the most of what is counted", () => {
    for (const limits of [
      { requestsPerMinute: 1, bytesPerHour: 1 },
      { requestsPerMinute: 10_000_000, bytesPerHour: 10 ** 15 },
    ]) {
      expect(read(limits)).toEqual({ ...noLimits, ...limits });
    }
  });
});

describe("rejects", () => {
  it.each(["", "G T", "*", "-", "GET\n", "\u017fEARCH", "A".repeat(33), "CONNECT", "trace", "Track"])(
    "the method %j",
    (method) => expect(brokenFields({ methods: ["GET", method] })).toEqual(["methods[1]"]),
  );

  it.each([
    ...[
      "",
      "/",
      "v1",
      "//",
      "/v1//x",
      "/v1/../x",
      "/v1/.",
      "/..;/x",
      "/v1/.;p",
      "/%76",
      "/v1?x",
      "/v1#x",
      "/v1\\x",
      "/\u00fc",
    ],
    `/${"a".repeat(1_024)}`,
  ])("the path %j", (prefix) => expect(brokenFields({ pathPrefixes: [prefix] })).toEqual(["path_prefixes[0]"]));

  it("what is counted beyond its bounds, and everything at once", () => {
    expect(brokenFields({ requestsPerMinute: 0, bytesPerHour: 0 })).toEqual(["requests_per_minute", "bytes_per_hour"]);
    expect(
      brokenFields({ methods: ["*"], pathPrefixes: ["/"], requestsPerMinute: 10_000_001, bytesPerHour: 10 ** 15 + 1 }),
    ).toEqual(["methods[0]", "path_prefixes[0]", "requests_per_minute", "bytes_per_hour"]);
  });
});
