// Which hosts a sandbox may go to, as a table; and the times that pages of its network log begin with.
import { describe, expect, it } from "vitest";
import { networkRefusal, readNetworkLimits } from "../../src/domain/egress/network-limits.ts";
import { codesWith, cursorOf, eventPositionOf, verdictOf } from "../../src/domain/egress/network-log.ts";
import { CofferError } from "../../src/domain/error/errors.ts";

describe("the limits of a sandbox", () => {
  it.each<[string, { allowOut: string[]; denyOut: string[] }, Record<string, string | undefined>]>([
    [
      "only these hosts",
      { allowOut: ["api.example.com", "*.example.org"], denyOut: [] },
      {
        "api.example.com": undefined,
        "a.example.org": undefined,
        "a.b.example.org": "host_not_allowed",
        "example.org": "host_not_allowed",
        "www.api.example.com": "host_not_allowed",
      },
    ],
    [
      "none of these hosts",
      { allowOut: [], denyOut: ["api.example.com", "*.example.org"] },
      { "api.example.com": "host_denied", "a.example.org": "host_denied", "example.org": undefined },
    ],
    [
      "a host in both lists is denied",
      { allowOut: ["*.example.com"], denyOut: ["evil.example.com"] },
      { "good.example.com": undefined, "evil.example.com": "host_denied", "example.net": "host_not_allowed" },
    ],
    [
      "all addresses, beside what is allowed",
      { allowOut: ["api.example.com"], denyOut: ["0.0.0.0/0"] },
      { "api.example.com": undefined, "example.net": "host_not_allowed" },
    ],
    ["all addresses", { allowOut: [], denyOut: ["::/0"] }, { "api.example.com": "host_denied" }],
  ])("%s", (_, given, expected) => {
    const limits = readNetworkLimits(given);
    const found = Object.keys(expected).map((host) => [host, networkRefusal(limits, host)]);
    expect(Object.fromEntries(found)).toEqual(expected);
  });

  it("are none when both lists are empty", () => {
    expect(readNetworkLimits({ allowOut: [], denyOut: [] })).toBeUndefined();
    expect(networkRefusal(undefined, "api.example.com")).toBeUndefined();
  });

  it("are read in canonical form, each entry once", () => {
    const given = { allowOut: [" API.example.com", "api.EXAMPLE.com "], denyOut: ["0.0.0.0/0", " 0.0.0.0/0"] };
    expect(readNetworkLimits(given)).toEqual({ allowOut: ["api.example.com"], denyOut: ["0.0.0.0/0"] });
  });

  it.each(["8.8.8.8/32", "10.0.0.0/8", "8.8.8.8", "2001:db8::/32", "::1", "[::1]", "0.0.0.0/1"])(
    "refuse %s, and say what is enforced",
    (entry) => {
      for (const given of [
        { allowOut: [entry], denyOut: [] },
        { allowOut: [], denyOut: ["a.example.com", entry] },
      ]) {
        const error = errorOf(() => readNetworkLimits(given));
        expect(error.violations).toMatchObject([
          { field: expect.stringMatching(/^network\.(allow_out\[0\]|deny_out\[1\])$/) },
        ]);
        expect(error.message).toContain("0.0.0.0/0 in deny_out denies every host");
      }
    },
  );

  it("take at most 100 entries a list", () => {
    const hosts = Array.from({ length: 101 }, (_, i) => `h${i}.example.com`);
    expect(readNetworkLimits({ allowOut: hosts.slice(1), denyOut: hosts.slice(1) })?.allowOut).toHaveLength(100);
    expect(errorOf(() => readNetworkLimits({ allowOut: hosts, denyOut: [] })).metadata).toEqual({
      field: "network.allow_out",
    });
  });
});

describe("the places of a network log", () => {
  it("come back from their cursors", () => {
    for (const eventNumber of [1, 12_345, 9_007_199_254_740_991]) {
      const position = { time: "2026-11-28T03:45:00.123456Z", eventNumber };
      expect(eventPositionOf(cursorOf(position))).toEqual(position);
    }
  });

  it.each([
    ["2026-11-28T03:45:00Z", "2026-11-28T03:45:00.000000Z", 0],
    ["2026-11-28t05:45:00.5+02:00", "2026-11-28T03:45:00.500000Z", 0],
    ["2026-11-28T03:45:00.123456000Z", "2026-11-28T03:45:00.123456Z", 0],
    ["2026-11-28T03:45:00.123456789Z", "2026-11-28T03:45:00.123456Z", Number.MAX_SAFE_INTEGER],
    ["2026-11-28T23:45:00-20:00", "2026-11-29T19:45:00.000000Z", 0],
  ])("%s", (text, time, eventNumber) => {
    expect(eventPositionOf(text)).toEqual({ time, eventNumber });
  });

  it.each([
    "",
    "now",
    "2026-11-28",
    "2026-02-30T00:00:00Z",
    "2026-11-28T24:00:00Z",
    "2026-11-28T03:45:00",
    "0000-01-01T00:00:00Z",
    "9999-12-31T23:59:59-10:00",
    "2026-11-28T03:45:00+99:00",
  ])("%j is none", (text) => {
    expect(eventPositionOf(text)).toBeUndefined();
  });

  it("each code has one verdict", () => {
    expect([verdictOf(""), verdictOf("host_denied"), verdictOf("upstream_timeout")]).toEqual([
      "allowed",
      "blocked",
      "failed",
    ]);
    expect(codesWith("allowed")).toEqual([""]);
    expect(codesWith("failed")).toContain("upstream_unreachable");
    expect(codesWith("blocked")).toContain("host_not_allowed");
  });
});

function errorOf(read: () => unknown): CofferError {
  try {
    read();
  } catch (error) {
    if (error instanceof CofferError) return error;
  }
  throw new Error("it did not fail");
}
