// Egress events: one for each secret in a request, one for a request without a secret, one for a refusal.

/** The reason of a refused or failed request; empty if the host answered. */
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
  /** Undefined for a request without a secret. */
  secretId: string | undefined;
  method: string;
  host: string;
  /** Without the query. */
  path: string;
  /** The status that the sandbox received. */
  status: number;
  /** The status that the host sent. */
  upstreamStatus: number | undefined;
  latencyMs: number;
  requestBytes: number;
  responseBytes: number;
  errorCode: EgressErrorCode;
  /** The number of equal refusals that the event stands for. */
  occurrences: number;
}

/** A stored event. */
export interface StoredEgressEvent extends EgressEvent {
  /** Increases with time, with gaps. */
  eventNumber: number;
  eventTime: Date;
  /** Undefined after the sandbox is deleted. */
  sandboxName: string | undefined;
}
