// Writes the audit events of jobs.
import { type AuditEvent, type AuditSubject, systemPrincipalId } from "../domain/audit/audit-event.ts";
import { newId } from "../domain/ids.ts";
import { insertAuditEvents } from "../store/audit-events.ts";
import type { Tx } from "../store/database.ts";
import type { JobDeps } from "./job.ts";

/** Writes one event for each subject, all with one request id. */
export async function recordSystemEvents(
  deps: Pick<JobDeps, "now" | "random">,
  tx: Tx,
  { job, rule, result = "OK" }: { job: string; rule: string; result?: string },
  subjects: readonly (AuditSubject & { workspaceId: string })[],
): Promise<void> {
  if (subjects.length === 0) return;
  const now = deps.now();
  const requestId = newId("req", now, deps.random);
  const events = subjects.map(
    (subject): AuditEvent => ({
      eventId: newId("aud", now, deps.random),
      requestId,
      principalId: systemPrincipalId,
      tokenId: "",
      method: `coffer.jobs/${job}`,
      decision: "ALLOW",
      rule,
      address: "",
      userAgent: "",
      result,
      occurrences: 1,
      ...subject,
    }),
  );
  await insertAuditEvents(tx, events);
}
