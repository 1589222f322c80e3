// Cases about addresses: IPv4, IPv6, and one in the other.
import { type CaseGroup, nothingAllows, nothingDenies, someTime as t } from "./case.ts";

export const addressCases: readonly CaseGroup[] = [
  {
    title: "allows a range of IPv4",
    policy: { conditions: [{ type: "ip", effect: "allow", cidrs: ["192.0.2.0/24"] }] },
    cases: [
      ["192.0.2.0", t, "allow 0"],
      ["192.0.2.1", t, "allow 0"],
      ["192.0.2.255", t, "allow 0"],
      ["192.0.1.255", t, nothingAllows],
      ["192.0.3.0", t, nothingAllows],
      ["::ffff:192.0.2.9", t, "allow 0"],
      ["::ffff:c000:0209", t, "allow 0"],
      ["0:0:0:0:0:FFFF:192.0.2.9", t, "allow 0"],
      ["::ffff:192.0.3.9", t, nothingAllows],
      ["::192.0.2.9", t, nothingAllows],
      ["64:ff9b::192.0.2.9", t, nothingAllows],
      ["2001:db8::1", t, nothingAllows],
      ["::1", t, nothingAllows],
      ["127.0.0.1", t, nothingAllows],
    ],
  },
  {
    title: "allows ranges that end within a byte, and single addresses",
    policy: {
      conditions: [
        { type: "ip", effect: "allow", cidrs: ["10.1.2.128/25", "10.1.4.0/22", "203.0.113.5", "198.51.100.8/31"] },
      ],
    },
    cases: [
      ["10.1.2.127", t, nothingAllows],
      ["10.1.2.128", t, "allow 0"],
      ["10.1.2.255", t, "allow 0"],
      ["10.1.3.255", t, nothingAllows],
      ["10.1.4.0", t, "allow 0"],
      ["10.1.7.255", t, "allow 0"],
      ["10.1.8.0", t, nothingAllows],
      ["203.0.113.4", t, nothingAllows],
      ["203.0.113.5", t, "allow 0"],
      ["203.0.113.6", t, nothingAllows],
      ["198.51.100.7", t, nothingAllows],
      ["198.51.100.8", t, "allow 0"],
      ["198.51.100.9", t, "allow 0"],
      ["198.51.100.10", t, nothingAllows],
    ],
  },
  {
    title: "allows every IPv4 address, and no IPv6 one",
    policy: { allowed: [{ type: "ip", ips: ["0.0.0.0/0"] }] },
    cases: [
      ["0.0.0.0", t, "allow 0"],
      ["255.255.255.255", t, "allow 0"],
      ["::ffff:8.8.8.8", t, "allow 0"],
      ["::", t, nothingAllows],
      ["2001:db8::1", t, nothingAllows],
    ],
  },
  {
    title: "allows every IPv6 address, and no IPv4 one",
    policy: { allowed: [{ type: "ip", ips: ["::/0"] }] },
    cases: [
      ["::", t, "allow 0"],
      ["ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", t, "allow 0"],
      ["fe80::1%eth0", t, "allow 0"],
      ["8.8.8.8", t, nothingAllows],
      ["::ffff:8.8.8.8", t, nothingAllows],
    ],
  },
  {
    title: "allows ranges of IPv6, however they are written",
    policy: {
      conditions: [
        {
          type: "ip",
          effect: "allow",
          cidrs: ["2001:DB8:0:0::/32", "2001:db9:8000::/33", "fd00::1", "2001:dba::8/127"],
        },
      ],
    },
    cases: [
      ["2001:db8::", t, "allow 0"],
      ["2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", t, "allow 0"],
      ["2001:0DB8:0000::0001", t, "allow 0"],
      ["2001:db7:ffff::", t, nothingAllows],
      ["2001:db9::", t, nothingAllows],
      ["2001:db9:7fff:ffff::", t, nothingAllows],
      ["2001:db9:8000::", t, "allow 0"],
      ["2001:db9:ffff::1", t, "allow 0"],
      ["fd00::1", t, "allow 0"],
      ["fd00:0:0::0.0.0.1", t, "allow 0"],
      ["fd00::2", t, nothingAllows],
      ["2001:dba::7", t, nothingAllows],
      ["2001:dba::8", t, "allow 0"],
      ["2001:dba::9", t, "allow 0"],
      ["2001:dba::a", t, nothingAllows],
      ["32.1.13.184", t, nothingAllows],
    ],
  },
  {
    title: "takes IPv4 in IPv6 for the IPv4 that it is",
    policy: { conditions: [{ type: "ip", effect: "allow", cidrs: ["::ffff:192.0.2.0/120", "::ffff:cb00:7105"] }] },
    cases: [
      ["192.0.2.77", t, "allow 0"],
      ["::ffff:192.0.2.77", t, "allow 0"],
      ["192.0.3.1", t, nothingAllows],
      ["203.0.113.5", t, "allow 0"],
      ["::ffff:203.0.113.5", t, "allow 0"],
      ["203.0.113.6", t, nothingAllows],
    ],
  },
  {
    title: "denies ranges, and nothing else",
    policy: {
      denied: [
        { type: "ip", ips: ["192.0.2.0/24", "2001:db8::/32"] },
        { type: "ip", ips: ["198.51.100.1"] },
      ],
    },
    cases: [
      ["192.0.2.200", t, "deny 0"],
      ["::ffff:192.0.2.200", t, "deny 0"],
      ["2001:db8:1::1", t, "deny 0"],
      ["198.51.100.1", t, "deny 1"],
      ["198.51.100.2", t, nothingDenies],
      ["192.0.3.1", t, nothingDenies],
      ["2001:db9::1", t, nothingDenies],
      ["::1", t, nothingDenies],
    ],
  },
  {
    title: "denies some of what it allows, in whatever order that stands",
    policy: {
      conditions: [
        { type: "ip", effect: "deny", cidrs: ["10.9.0.0/16"] },
        { type: "ip", effect: "allow", cidrs: ["10.0.0.0/8", "fd00::/8"] },
        { type: "ip", effect: "deny", cidrs: ["10.8.0.1", "fd00:bad::/32"] },
        { type: "ip", effect: "allow", cidrs: ["203.0.113.0/24"] },
      ],
    },
    cases: [
      ["10.0.0.1", t, "allow 1"],
      ["10.9.0.1", t, "deny 0"],
      ["10.8.0.1", t, "deny 2"],
      ["10.8.0.2", t, "allow 1"],
      ["203.0.113.1", t, "allow 3"],
      ["fd00::1", t, "allow 1"],
      ["fd00:bad::1", t, "deny 2"],
      ["198.51.100.1", t, nothingAllows],
    ],
  },
  {
    title: "denies everything",
    policy: {
      denied: [
        { type: "ip", ips: ["0.0.0.0/0"] },
        { type: "ip", ips: ["::/0"] },
      ],
      allowed: [{ type: "ip", ips: ["0.0.0.0/0"] }],
    },
    cases: [
      ["198.51.100.1", t, "deny 1"],
      ["127.0.0.1", t, "deny 1"],
      ["2001:db8::1", t, "deny 2"],
    ],
  },
];
