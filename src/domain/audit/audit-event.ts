// What the audit trail keeps of a call: allow-listed facts, never a value, a credential or a query string.

/** Who did what a job does: no principal has this id. */
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

/** One event. Its time is the database's. */
export interface AuditEvent extends AuditSubject {
  eventId: string;
  /** Empty when the call named no workspace. */
  workspaceId: string;
  requestId: string;
  principalId: string;
  tokenId: string;
  method: string;
  decision: "ALLOW" | "DENY";
  /** What decided: the role, or the permission that was missing. */
  rule: string;
  address: string;
  userAgent: string;
  /** `OK` or the reason of the error. */
  result: string;
  /** How many equal events this one stands for. */
  occurrences: number;
}
