// The network log of a sandbox, as Superserve shows it: rows for connections and for requests, paged by a time.
import type { EgressErrorCode } from "./egress-event.ts";
import { refusalStatus } from "./refusal.ts";

/** The position of an event of a sandbox. Many events have the same time, because they are written together. */
export interface EventPlace {
  /** RFC 3339 with microseconds, as Postgres stores it. */
  time: string;
  eventNumber: number;
}

export const verdicts = ["allowed", "blocked", "failed"] as const;
export type Verdict = (typeof verdicts)[number];

const failures: ReadonlySet<EgressErrorCode> = new Set([
  ...(["upstream_unreachable", "upstream_timeout", "inject_error", "events_unavailable"] as const),
]);

/** The result of a tunnel. */
export function verdictOf(code: EgressErrorCode): Verdict {
  if (code === "") return "allowed";
  return failures.has(code) ? "failed" : "blocked";
}

export function codesWith(verdict: Verdict): EgressErrorCode[] {
  const codes: EgressErrorCode[] = ["", ...(Object.keys(refusalStatus) as EgressErrorCode[])];
  return codes.filter((code) => verdictOf(code) === verdict);
}

const numberDigits = 16;

/** Returns the cursor of a page: a time whose digits after the microseconds are the number of the event. */
export function cursorOf({ time, eventNumber }: EventPlace): string {
  return `${time.slice(0, -1)}${String(eventNumber).padStart(numberDigits, "0")}Z`;
}

const timeForm = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(\d{1,32}))?(Z|[+-]\d{2}:\d{2})$/;

/** Returns the position of a time or cursor; undefined for a text that is not an RFC 3339 time. Events at the position are not before it. */
export function placeOf(text: string): EventPlace | undefined {
  const [, seconds = "", fraction = "", zone = ""] = timeForm.exec(text.toUpperCase()) ?? [];
  const utc = utcSeconds(seconds, zone);
  if (utc === undefined) return undefined;
  const time = `${utc}.${fraction.slice(0, 6).padEnd(6, "0")}Z`;
  const rest = fraction.slice(6);
  if (rest.length === numberDigits) return { time, eventNumber: Number(rest) };
  // Later than all that Postgres stores as this microsecond, unless there is nothing more.
  return { time, eventNumber: /[1-9]/.test(rest) ? Number.MAX_SAFE_INTEGER : 0 };
}

/** Returns undefined for a day that its month does not have, the hour 24, and years that Postgres does not read. */
function utcSeconds(seconds: string, zone: string): string | undefined {
  const local = new Date(`${seconds}Z`);
  if (Number.isNaN(local.getTime()) || !local.toISOString().startsWith(seconds)) return undefined;
  const date = new Date(`${seconds}${zone}`);
  const year = date.getUTCFullYear();
  return year >= 1 && year <= 9_999 ? date.toISOString().slice(0, 19) : undefined;
}
