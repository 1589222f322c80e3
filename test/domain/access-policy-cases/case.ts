// The form of the cases: the address and time of a call, and the expected decision.

/** The connection's peer, and what proxies say. Peers in 172.31.0.0/16 and fd99::/16 are trusted proxies. */
export type From = string | { peer: string; forwardedFor?: string; realIp?: string };

/** The index of the deciding condition, or the reason without one. */
export type Decision = `allow ${number}` | `deny ${number}` | "allow: nothing denies" | "deny: nothing allows";

export interface CaseGroup {
  title: string;
  /** As a request gives it. */
  policy: object;
  cases: readonly (readonly [from: From, at: string, decision: Decision])[];
}

/** The time of cases in which only the address matters. */
export const someTime = "2026-06-10T12:00:00Z";
/** The address of cases in which only the time matters. */
export const anyone = "198.51.100.7";
export const nothingDenies = "allow: nothing denies";
export const nothingAllows = "deny: nothing allows";
