// Records in the audit trail that something did not authenticate.

import type { Grant } from "../../domain/access/grant.ts";
import type { Permission } from "../../domain/access/permission.ts";
import type { AuditSubject } from "../../domain/audit/audit-event.ts";
import { CofferError } from "../../domain/error/errors.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import { auditEvent } from "../../runtime/audit-trail.ts";
import type { Deps } from "../../runtime/deps.ts";
import type { SecretRefInput } from "./secret-ref.ts";

export type ReportDeps = Pick<Deps, "audit" | "now" | "random">;

const reported = new WeakSet<CofferError>();

/** Returns whether the audit trail already has an event about it. */
export function isReported(error: CofferError): boolean {
  return reported.has(error);
}

/** Marks that the audit trail has an event about it. */
export function noteReported(error: CofferError): void {
  reported.add(error);
}

/** Throws the error again; when it is VALUE_CORRUPT, only after its event is durable. */
export async function reportCorrupt(
  deps: ReportDeps,
  caller: Caller,
  { rule }: Pick<Grant<Permission>, "rule">,
  subject: AuditSubject,
  error: unknown,
): Promise<never> {
  if (error instanceof CofferError && error.reason === "VALUE_CORRUPT") {
    noteReported(error);
    await deps.audit.record(auditEvent(deps, caller, { decision: "ALLOW", rule, result: error.reason }, subject));
  }
  throw error;
}

/** Returns the audit subject of the secret that a request names. */
export function askedSecret(secret: SecretRefInput): AuditSubject {
  return { resourceType: "secret", resourceId: "id" in secret ? secret.id : secret.name };
}
