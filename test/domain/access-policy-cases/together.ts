// Cases about addresses and hours together, and about proxies.
import { type CaseGroup, nothingAllows, nothingDenies, someTime as t } from "./case.ts";

const day = "2026-06-10T10:00:00Z";
const night = "2026-06-10T01:00:00Z";
const office = "203.0.113.10";
const elsewhere = "198.51.100.10";

const fromOffice = { conditions: [{ type: "ip", effect: "allow", cidrs: ["203.0.113.0/24", "2001:db8::/32"] }] };

export const togetherCases: readonly CaseGroup[] = [
  {
    title: "takes an address and hours that allow as alternatives",
    policy: {
      conditions: [
        { type: "ip", effect: "allow", cidrs: ["203.0.113.0/24"] },
        { type: "time", effect: "allow", startHour: 8, endHour: 18, timezone: "UTC" },
      ],
    },
    cases: [
      [office, day, "allow 0"],
      [office, night, "allow 0"],
      [elsewhere, day, "allow 1"],
      [elsewhere, night, nothingAllows],
      ["2001:db8::1", day, "allow 1"],
      ["2001:db8::1", night, nothingAllows],
    ],
  },
  {
    title: "lets what denies win, whatever allows",
    policy: {
      allowed: [
        { type: "ip", ips: ["203.0.113.0/24"] },
        { type: "time", time: { startHour: 8, endHour: 18, timezone: "UTC" } },
      ],
      denied: [
        { type: "ip", ips: ["203.0.113.66"] },
        { type: "time", time: { startHour: 12, endHour: 13, timezone: "UTC" } },
      ],
    },
    cases: [
      [office, day, "allow 0"],
      [office, "2026-06-10T12:30:00Z", "deny 3"],
      [office, "2026-06-10T13:00:00Z", "allow 0"],
      ["203.0.113.66", day, "deny 2"],
      ["203.0.113.66", "2026-06-10T12:30:00Z", "deny 2"],
      [elsewhere, day, "allow 1"],
      [elsewhere, "2026-06-10T12:00:00Z", "deny 3"],
      [elsewhere, night, nothingAllows],
    ],
  },
  {
    title: "denies an address and hours, with nothing that must allow",
    policy: {
      conditions: [
        { type: "time", effect: "deny", startHour: 22, endHour: 6, timezone: "UTC" },
        { type: "ip", effect: "deny", cidrs: ["198.51.100.0/24"] },
      ],
    },
    cases: [
      [office, day, nothingDenies],
      [office, night, "deny 0"],
      [elsewhere, day, "deny 1"],
      [elsewhere, night, "deny 0"],
    ],
  },
  {
    title: "allows one address, denied at night",
    policy: {
      conditions: [
        { type: "ip", effect: "allow", cidrs: ["203.0.113.10"] },
        { type: "time", effect: "deny", startHour: 0, endHour: 6, timezone: "America/New_York" },
      ],
    },
    cases: [
      [office, "2026-06-10T03:59:59Z", "allow 0"],
      [office, "2026-06-10T04:00:00Z", "deny 1"],
      [office, "2026-06-10T09:59:59Z", "deny 1"],
      [office, "2026-06-10T10:00:00Z", "allow 0"],
      [office, "2026-01-10T04:30:00Z", "allow 0"],
      [elsewhere, "2026-06-10T10:00:00Z", nothingAllows],
    ],
  },
  {
    title: "believes trusted proxies, from the right",
    policy: fromOffice,
    cases: [
      [{ peer: "172.31.0.1", forwardedFor: office }, t, "allow 0"],
      [{ peer: "172.31.0.1", forwardedFor: elsewhere }, t, nothingAllows],
      [{ peer: "172.31.0.1", forwardedFor: `${elsewhere}, ${office}` }, t, "allow 0"],
      [{ peer: "172.31.0.1", forwardedFor: `${office}, ${elsewhere}` }, t, nothingAllows],
      [{ peer: "172.31.0.1", forwardedFor: `${office}, 172.31.0.3, 172.31.0.2` }, t, "allow 0"],
      [{ peer: "172.31.0.1", forwardedFor: `${elsewhere},172.31.0.3,172.31.0.2` }, t, nothingAllows],
      [{ peer: "172.31.0.1", forwardedFor: `${office}, 172.31.0.3, 192.0.2.1, 172.31.0.2` }, t, nothingAllows],
      [{ peer: "::ffff:172.31.0.1", forwardedFor: office }, t, "allow 0"],
      [{ peer: "fd99::1", forwardedFor: office }, t, "allow 0"],
      [{ peer: "fd99::1", forwardedFor: `${office}, fd99::2` }, t, "allow 0"],
      [{ peer: "172.31.0.1", forwardedFor: "2001:db8::9" }, t, "allow 0"],
      [{ peer: "172.31.0.1", forwardedFor: "[2001:db8::9]:4711" }, t, "allow 0"],
      [{ peer: "172.31.0.1", forwardedFor: "203.0.113.10:4711" }, t, "allow 0"],
      [{ peer: "172.31.0.1", forwardedFor: "::ffff:203.0.113.10" }, t, "allow 0"],
      [{ peer: "172.31.0.1", forwardedFor: "::ffff:cb00:710a" }, t, "allow 0"],
      [{ peer: "172.31.0.1", forwardedFor: "" }, t, nothingAllows],
      [{ peer: "172.31.0.1", forwardedFor: `${office}, unknown` }, t, nothingAllows],
      [{ peer: "172.31.0.1", forwardedFor: `${office}, 203.0.113.999` }, t, nothingAllows],
      [{ peer: "172.31.0.1" }, t, nothingAllows],
    ],
  },
  {
    title: "believes nobody else",
    policy: fromOffice,
    cases: [
      [{ peer: elsewhere, forwardedFor: office }, t, nothingAllows],
      [{ peer: elsewhere, forwardedFor: `${office}, 172.31.0.1` }, t, nothingAllows],
      [{ peer: elsewhere, realIp: office }, t, nothingAllows],
      [{ peer: office, forwardedFor: elsewhere }, t, "allow 0"],
      [{ peer: office, realIp: elsewhere }, t, "allow 0"],
      [{ peer: "172.30.255.255", forwardedFor: office }, t, nothingAllows],
      [{ peer: "172.32.0.0", forwardedFor: office }, t, nothingAllows],
      [{ peer: "fd9a::1", forwardedFor: office }, t, nothingAllows],
    ],
  },
  {
    title: "believes X-Real-IP of a trusted proxy that says nothing else",
    policy: fromOffice,
    cases: [
      [{ peer: "172.31.0.1", realIp: office }, t, "allow 0"],
      [{ peer: "172.31.0.1", realIp: elsewhere }, t, nothingAllows],
      [{ peer: "172.31.0.1", realIp: "2001:db8::9" }, t, "allow 0"],
      [{ peer: "172.31.0.1", realIp: "::ffff:203.0.113.10" }, t, "allow 0"],
      [{ peer: "172.31.0.1", realIp: `${office}, ${office}` }, t, nothingAllows],
      [{ peer: "172.31.0.1", realIp: "nonsense" }, t, nothingAllows],
      [{ peer: "172.31.0.1", realIp: "" }, t, nothingAllows],
      [{ peer: "172.31.0.1", realIp: office, forwardedFor: elsewhere }, t, nothingAllows],
      [{ peer: "172.31.0.1", realIp: elsewhere, forwardedFor: office }, t, "allow 0"],
      [{ peer: "172.31.0.1", realIp: office, forwardedFor: "" }, t, nothingAllows],
    ],
  },
  {
    title: "denies a client behind a proxy, and not the proxy for it",
    policy: {
      denied: [{ type: "ip", ips: ["198.51.100.0/24"] }],
      allowed: [{ type: "time", time: { startHour: 8, endHour: 18, timezone: "UTC" } }],
    },
    cases: [
      [{ peer: "172.31.0.1", forwardedFor: elsewhere }, day, "deny 1"],
      [{ peer: "172.31.0.1", forwardedFor: office }, day, "allow 0"],
      [{ peer: "172.31.0.1", forwardedFor: office }, night, nothingAllows],
      [{ peer: "172.31.0.1", realIp: elsewhere }, night, "deny 1"],
    ],
  },
];
