// Which addresses count as public, in every form in which they may come.
import { expect, it } from "vitest";
import { isGlobalUnicast, isSameAddress } from "../../src/net-guard/addresses.ts";

it.each([
  "1.1.1.1",
  "8.8.8.8",
  "9.255.255.255",
  "11.0.0.0",
  "100.63.255.255",
  "100.128.0.0",
  "126.255.255.255",
  "172.15.255.255",
  "172.32.0.0",
  "192.167.255.255",
  "192.169.0.0",
  "198.17.255.255",
  "198.20.0.0",
  "223.255.255.255",
  "2606:4700:4700::1111",
  "2001:4860:4860::8888",
  "2a01:4f8::1",
  "3ffe:ffff::1",
  "2003::",
  "2001:200::",
])("%s is public", (address) => expect(isGlobalUnicast(address)).toBe(true));

it.each([
  ["this network", "0.0.0.0", "0.1.2.3"],
  ["private", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.0.1", "10.255.255.255"],
  ["shared by carriers", "100.64.0.0", "100.127.255.255"],
  ["loopback", "127.0.0.1", "127.255.255.254", "::1", "0:0:0:0:0:0:0:1"],
  ["unspecified", "::", "0:0:0:0:0:0:0:0"],
  ["link-local", "169.254.169.254", "fe80::1", "febf::1", "fe80::1%eth0"],
  ["protocol assignments", "192.0.0.1", "192.0.0.170", "2001::1", "2001:1ff:ffff::1"],
  ["documentation", "192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "3fff::1", "3fff:fff::1"],
  ["benchmarks", "198.18.0.1", "198.19.255.255", "2001:2::1"],
  ["6to4", "192.88.99.1", "2002::1", "2002:7f00:1::", "2002:808:808::"],
  ["Teredo", "2001:0:4136:e378:8000:63bf:3fff:fdd2"],
  ["multicast", "224.0.0.1", "239.255.255.255", "ff02::1", "ff0e::1"],
  ["reserved", "240.0.0.1", "255.255.255.255", "4000::1", "1000::1", "5f00::1"],
  ["unique local", "fc00::1", "fd12:3456::1"],
  ["site-local", "fec0::1"],
  ["IPv4 in IPv6", "::ffff:127.0.0.1", "::ffff:7f00:1", "::ffff:8.8.8.8", "::127.0.0.1", "::ffff:0:127.0.0.1"],
  ["NAT64", "64:ff9b::7f00:1", "64:ff9b::127.0.0.1", "64:ff9b::8.8.8.8", "64:ff9b:1::a00:1"],
  ["discard-only", "100::1"],
  ["Azure's own", "168.63.129.16"],
  [
    "no address",
    "",
    "localhost",
    "127.1",
    "0x7f.0.0.1",
    "2130706433",
    "1.1.1.1.",
    "1.1.1.1/8",
    "[::1]",
    "2606:4700::%1",
  ],
])("%s is not public", (_name, ...addresses) => {
  expect(addresses.filter(isGlobalUnicast)).toEqual([]);
});

it("the same address is the same however it is written", () => {
  expect(isSameAddress("2606:4700::1", "2606:4700:0:0:0:0:0:1")).toBe(true);
  expect(isSameAddress("::FFFF:1.2.3.4", "::ffff:102:304")).toBe(true);
  expect(isSameAddress("1.2.3.4", "1.2.3.5")).toBe(false);
  expect(isSameAddress("1.2.3.4", "::ffff:1.2.3.4")).toBe(false);
  expect(isSameAddress("", "")).toBe(false);
});
