// Cases about hours: zones, midnight, and summer time.
import { anyone as a, type CaseGroup, nothingAllows, nothingDenies } from "./case.ts";

const window = (startHour: number, endHour: number, timezone: string) => ({
  conditions: [{ type: "time", effect: "allow", startHour, endHour, timezone }],
});

export const hourCases: readonly CaseGroup[] = [
  {
    title: "allows working hours in UTC, without the last instant",
    policy: window(8, 18, "UTC"),
    cases: [
      [a, "2026-06-10T07:59:59.999Z", nothingAllows],
      [a, "2026-06-10T08:00:00.000Z", "allow 0"],
      [a, "2026-06-10T12:30:00Z", "allow 0"],
      [a, "2026-06-10T17:59:59.999Z", "allow 0"],
      [a, "2026-06-10T18:00:00.000Z", nothingAllows],
      [a, "2026-06-10T00:00:00Z", nothingAllows],
      [a, "2026-06-13T12:00:00Z", "allow 0"],
    ],
  },
  {
    title: "allows working hours where summer time counts",
    policy: window(8, 18, "Europe/Amsterdam"),
    cases: [
      [a, "2026-01-10T06:59:59Z", nothingAllows],
      [a, "2026-01-10T07:00:00Z", "allow 0"],
      [a, "2026-01-10T16:59:59Z", "allow 0"],
      [a, "2026-01-10T17:00:00Z", nothingAllows],
      [a, "2026-07-10T05:59:59Z", nothingAllows],
      [a, "2026-07-10T06:00:00Z", "allow 0"],
      [a, "2026-07-10T15:59:59Z", "allow 0"],
      [a, "2026-07-10T16:00:00Z", nothingAllows],
      [a, "2026-03-28T07:00:00Z", "allow 0"],
      [a, "2026-03-29T06:00:00Z", "allow 0"],
      [a, "2026-10-24T06:30:00Z", "allow 0"],
      [a, "2026-10-25T06:30:00Z", nothingAllows],
    ],
  },
  {
    title: "allows a night, over midnight",
    policy: { allowed: [{ type: "time", time: { startHour: 22, endHour: 6, timezone: "UTC" } }] },
    cases: [
      [a, "2026-06-10T21:59:59.999Z", nothingAllows],
      [a, "2026-06-10T22:00:00Z", "allow 0"],
      [a, "2026-06-10T23:59:59.999Z", "allow 0"],
      [a, "2026-06-11T00:00:00Z", "allow 0"],
      [a, "2026-06-11T05:59:59.999Z", "allow 0"],
      [a, "2026-06-11T06:00:00Z", nothingAllows],
      [a, "2026-06-11T12:00:00Z", nothingAllows],
    ],
  },
  {
    title: "allows an evening that ends at midnight",
    policy: window(18, 0, "UTC"),
    cases: [
      [a, "2026-06-10T17:59:59Z", nothingAllows],
      [a, "2026-06-10T18:00:00Z", "allow 0"],
      [a, "2026-06-10T23:59:59.999Z", "allow 0"],
      [a, "2026-06-11T00:00:00Z", nothingAllows],
    ],
  },
  {
    title: "allows the first hour of the day, and the last",
    policy: {
      conditions: [
        { type: "time", effect: "allow", startHour: 0, endHour: 1, timezone: "Etc/UTC" },
        { type: "time", effect: "allow", startHour: 23, endHour: 0, timezone: "Etc/UTC" },
      ],
    },
    cases: [
      [a, "2026-06-10T00:00:00Z", "allow 0"],
      [a, "2026-06-10T00:59:59.999Z", "allow 0"],
      [a, "2026-06-10T01:00:00Z", nothingAllows],
      [a, "2026-06-10T22:59:59.999Z", nothingAllows],
      [a, "2026-06-10T23:00:00Z", "allow 1"],
    ],
  },
  {
    title: "allows an hour that summer time leaves out and winter time repeats (Amsterdam)",
    policy: window(2, 3, "Europe/Amsterdam"),
    cases: [
      [a, "2026-03-29T00:59:59.999Z", nothingAllows],
      [a, "2026-03-29T01:00:00Z", nothingAllows],
      [a, "2026-03-29T01:30:00Z", nothingAllows],
      [a, "2026-10-24T23:59:59Z", nothingAllows],
      [a, "2026-10-25T00:00:00Z", "allow 0"],
      [a, "2026-10-25T00:59:59Z", "allow 0"],
      [a, "2026-10-25T01:00:00Z", "allow 0"],
      [a, "2026-10-25T01:59:59Z", "allow 0"],
      [a, "2026-10-25T02:00:00Z", nothingAllows],
      [a, "2026-06-10T00:30:00Z", "allow 0"],
    ],
  },
  {
    title: "allows a night in which the clocks change (New York)",
    policy: window(22, 3, "America/New_York"),
    cases: [
      [a, "2026-03-08T03:00:00Z", "allow 0"],
      [a, "2026-03-08T02:59:59Z", nothingAllows],
      [a, "2026-03-08T06:59:59Z", "allow 0"],
      [a, "2026-03-08T07:00:00Z", nothingAllows],
      [a, "2026-11-01T01:59:59Z", nothingAllows],
      [a, "2026-11-01T02:00:00Z", "allow 0"],
      [a, "2026-11-01T06:00:00Z", "allow 0"],
      [a, "2026-11-01T07:59:59Z", "allow 0"],
      [a, "2026-11-01T08:00:00Z", nothingAllows],
    ],
  },
  {
    title: "knows summer time below the equator (Sydney)",
    policy: window(9, 17, "Australia/Sydney"),
    cases: [
      [a, "2026-01-14T22:00:00Z", "allow 0"],
      [a, "2026-01-14T21:59:59Z", nothingAllows],
      [a, "2026-01-15T06:00:00Z", nothingAllows],
      [a, "2026-07-14T22:59:59Z", nothingAllows],
      [a, "2026-07-14T23:00:00Z", "allow 0"],
      [a, "2026-07-15T06:59:59Z", "allow 0"],
    ],
  },
  {
    title: "knows zones that lie apart by parts of an hour (Kathmandu, UTC+5:45)",
    policy: window(9, 10, "Asia/Kathmandu"),
    cases: [
      [a, "2026-06-10T03:14:59.999Z", nothingAllows],
      [a, "2026-06-10T03:15:00Z", "allow 0"],
      [a, "2026-06-10T04:14:59.999Z", "allow 0"],
      [a, "2026-06-10T04:15:00Z", nothingAllows],
    ],
  },
  {
    title: "knows a summer time of half an hour (Lord Howe)",
    policy: window(2, 3, "Australia/Lord_Howe"),
    cases: [
      [a, "2026-10-03T15:29:59Z", nothingAllows],
      [a, "2026-10-03T15:30:00Z", "allow 0"],
      [a, "2026-10-03T15:59:59Z", "allow 0"],
      [a, "2026-10-03T16:00:00Z", nothingAllows],
    ],
  },
  {
    title: "knows the ends of the world: UTC+14 and UTC−11",
    policy: {
      allowed: [
        { type: "time", time: { startHour: 12, endHour: 13, timezone: "Pacific/Kiritimati" } },
        { type: "time", time: { startHour: 12, endHour: 13, timezone: "Pacific/Pago_Pago" } },
      ],
    },
    cases: [
      [a, "2026-06-09T22:00:00Z", "allow 0"],
      [a, "2026-06-10T23:30:00Z", "allow 1"],
      [a, "2026-06-10T12:00:00Z", nothingAllows],
    ],
  },
  {
    title: "denies hours, and nothing else",
    policy: { denied: [{ type: "time", time: { startHour: 20, endHour: 7, timezone: "Europe/Amsterdam" } }] },
    cases: [
      [a, "2026-06-10T17:59:59Z", nothingDenies],
      [a, "2026-06-10T18:00:00Z", "deny 0"],
      [a, "2026-06-11T04:59:59Z", "deny 0"],
      [a, "2026-06-11T05:00:00Z", nothingDenies],
      [a, "2026-12-10T18:30:00Z", nothingDenies],
      [a, "2026-12-10T19:00:00Z", "deny 0"],
      [a, "2026-12-11T05:59:59Z", "deny 0"],
      [a, "2026-12-11T06:00:00Z", nothingDenies],
    ],
  },
];
