// Audit events hold only the facts listed here: never a value, a credential or a query string.

/** The actor of jobs and commands. No stored principal has this id. */
export const systemPrincipalId = "system";

export const resourceTypes = [
  "secret",
  "secret_version",
  "kms_key",
  "workspace",
  "api_token",
  "access_rule",
  "vault_connection",
  "sandbox",
  "none",
] as const;

/** The resource of a call. */
export interface AuditSubject {
  resourceType: (typeof resourceTypes)[number];
  resourceId: string;
  versionNumber?: number;
}

/** One event. The database sets its time. */
export interface AuditEvent extends AuditSubject {
  eventId: string;
  /** Empty when the call named no workspace. */
  workspaceId: string;
  requestId: string;
  principalId: string;
  tokenId: string;
  method: string;
  decision: "ALLOW" | "DENY";
  /** The role or rule that allowed the call, or the permission that was missing. */
  rule: string;
  address: string;
  userAgent: string;
  /** `OK` or the reason of the error. */
  result: string;
  /** The number of equal events that this one stands for. */
  occurrences: number;
}
