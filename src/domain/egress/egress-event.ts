// What the proxy notes of a request: one event for each secret that was swapped in, one for a request without any, one for a refusal.

/** Why a request was refused, or failed; empty for one that was answered by its host. */
export type EgressErrorCode =
  | ""
  | "host_denied"
  | "host_not_allowed"
  | "unmatched_host_denied"
  | "credential_host_mismatch"
  | "credential_misplaced"
  | "credential_foreign"
  | "credential_revoked"
  | "access_policy_denied"
  | "method_not_allowed"
  | "path_not_allowed"
  | "rate_limited"
  | "byte_cap_reached"
  | "bad_request"
  | "inject_error"
  | "upstream_unreachable"
  | "upstream_timeout"
  | "events_unavailable"
  | "body_too_large";

export interface EgressEvent {
  workspaceId: string;
  /** Sorts by time. */
  eventId: string;
  sandboxId: string;
  /** Undefined for a request without a swapped secret. */
  secretId: string | undefined;
  method: string;
  host: string;
  /** Without its query. */
  path: string;
  /** What the sandbox was answered. */
  status: number;
  /** What the host answered. */
  upstreamStatus: number | undefined;
  latencyMs: number;
  requestBytes: number;
  responseBytes: number;
  errorCode: EgressErrorCode;
  /** How many equal refusals the event stands for. */
  occurrences: number;
}

/** One as it was written. */
export interface StoredEgressEvent extends EgressEvent {
  /** Greater for later ones; not without gaps. */
  eventNumber: number;
  eventTime: Date;
  /** Undefined once the sandbox is gone. */
  sandboxName: string | undefined;
}
