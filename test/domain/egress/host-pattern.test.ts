// Hosts that credentials may go to: names only, in every spelling of what is none.
import { describe, expect, it } from "vitest";
import { coversHosts, matchesHost, overlaps, readHostPattern } from "../../../src/domain/egress/host-pattern.ts";

describe("a host pattern", () => {
  it.each([
    ["api.example.com", "api.example.com"],
    [" API.Example.COM ", "api.example.com"],
    ["*.example.com", "*.example.com"],
    ["*.example.co.uk", "*.example.co.uk"],
    ["*.foo.local", "*.foo.local"],
    ["xn--bcher-kva.example", "xn--bcher-kva.example"],
    ["a-b.c1.io", "a-b.c1.io"],
  ])("%s is %s", (text, pattern) => {
    expect(readHostPattern(text)).toEqual({ pattern });
  });

  it.each([
    ...["", " ", "localhost", "example", "https://api.example.com", "api.example.com:443", "api.example.com/v1"],
    ...["api.example.com.", ".example.com", "api..example.com", "-a.example.com", "a-.example.com", "a_b.example.com"],
    ...[
      "*",
      "*.com",
      "*.co.uk",
      "*.github.io",
      "*.local",
      "*.compute-1.amazonaws.com",
      "*.*.example.com",
      "a.*.example.com",
      "**.example.com",
    ],
    ...["127.0.0.1", "127.1", "0x7f.1", "0x7f.0.0.1", "2130706433", "017700000001", "*.127.1", "1.2.3.4.5"],
    ...["[::1]", "::1", "64:ff9b::7f00:1", "[::ffff:127.0.0.1]", "①②⑦.0.0.1", "１２７.0.0.1"],
    ...["api%2eexample.com", "%61pi.example.com", "me@example.com", "api.example.com?x", "api.example.com#x"],
    ...[
      "bücher.example",
      "api.example\u3002com",
      "api.\u212aey.com",
      "api.example.com\0",
      "api\r\n.example.com",
      `${"a".repeat(64)}.com`,
    ],
    `${"a.".repeat(130)}com`,
  ])("is not %j", (text) => {
    expect(readHostPattern(text)).toEqual({ rule: expect.any(String) });
  });
});

describe("a wildcard", () => {
  it("stands for exactly one more label", () => {
    expect(matchesHost("*.example.com", "api.example.com")).toBe(true);
    expect(matchesHost("*.example.com", "example.com")).toBe(false);
    expect(matchesHost("*.example.com", "a.b.example.com")).toBe(false);
    expect(matchesHost("*.example.com", ".example.com")).toBe(false);
    expect(matchesHost("*.example.com", "evilexample.com")).toBe(false);
    expect(matchesHost("api.example.com", "api.example.com.evil.com")).toBe(false);
  });

  it("covers itself and the names below it", () => {
    expect(coversHosts("*.example.com", "a.example.com")).toBe(true);
    expect(coversHosts("*.example.com", "*.example.com")).toBe(true);
    expect(coversHosts("a.example.com", "*.example.com")).toBe(false);
    expect(coversHosts("*.example.com", "*.a.example.com")).toBe(false);
    expect(overlaps("a.example.com", "*.example.com")).toBe(true);
    expect(overlaps("*.example.com", "*.example.org")).toBe(false);
  });
});
