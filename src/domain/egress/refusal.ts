// The answers to requests that are refused or fail.
import type { EgressErrorCode } from "./egress-event.ts";

export type RefusalCode = Exclude<EgressErrorCode, "">;

export interface Refusal {
  code: RefusalCode;
  /** The secret that the refusal concerns. */
  secretId?: string;
  /** The time after which a retry may succeed, if it is known. */
  retryAfterMs?: number;
}

const ofAskedHosts: ReadonlySet<EgressErrorCode> = new Set([
  ...(["", "upstream_unreachable", "upstream_timeout", "body_too_large"] as const),
]);

/** Whether the host may have received part of the request. If so, refusals are not counted together: each has its own event. */
export function mayHaveReachedHost(code: EgressErrorCode): boolean {
  return ofAskedHosts.has(code);
}

export const refusalStatus: Readonly<Record<RefusalCode, number>> = {
  bad_request: 400,
  host_denied: 403,
  host_not_allowed: 403,
  unmatched_host_denied: 403,
  credential_host_mismatch: 403,
  credential_misplaced: 403,
  credential_foreign: 403,
  access_policy_denied: 403,
  method_not_allowed: 403,
  path_not_allowed: 403,
  body_too_large: 413,
  rate_limited: 429,
  byte_cap_reached: 429,
  inject_error: 502,
  upstream_unreachable: 502,
  credential_revoked: 503,
  events_unavailable: 503,
  upstream_timeout: 504,
};
