// The events of a proxied request: one for each injected secret, or one for a request without a secret or a refusal.

/** Why a request was refused or failed; empty when its host answered. */
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
  /** The status of the host. */
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
  /** Greater for later events, with gaps. */
  eventNumber: number;
  eventTime: Date;
  /** Undefined when the sandbox is deleted. */
  sandboxName: string | undefined;
}
