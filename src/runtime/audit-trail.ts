// Writes the audit trail. Many calls share one durable statement.

import type { AuditEvent, AuditSubject } from "../domain/audit/audit-event.ts";
import { CofferError } from "../domain/error/errors.ts";
import { newId } from "../domain/ids.ts";
import type { Caller } from "../domain/workspace/caller.ts";
import type { RandomPort, TimePort } from "../ports.ts";
import { insertAuditEvents } from "../store/audit-events.ts";
import type { Sql } from "../store/database.ts";
import { createBatcher } from "./batcher.ts";

export interface AuditTrail {
  /** Resolves when the event is durable, and fails with AUDIT_UNAVAILABLE when it is not. */
  record(event: AuditEvent): Promise<void>;
  /** Resolves when everything recorded so far is durable or has failed. */
  drain(): Promise<void>;
}

const batchEventsMax = 256;

export function createAuditTrail(sql: Sql): AuditTrail {
  const events = createBatcher<AuditEvent, void>({
    sizeMax: batchEventsMax,
    run: async (batch) => {
      await insertAuditEvents(sql, batch);
      return [];
    },
    toError: auditUnavailable,
  });
  return { record: events.add, drain: events.drain };
}

export function auditUnavailable(cause: unknown): CofferError {
  return new CofferError(
    "AUDIT_UNAVAILABLE",
    "the audit trail cannot be written, so nothing is revealed or changed",
    {},
    { cause, retryDelayMs: 1_000 },
  );
}

/** Returns the audit event of a call about `subject`. */
export function auditEvent(
  deps: TimePort & RandomPort,
  caller: Caller,
  outcome: { decision: AuditEvent["decision"]; rule: string; result: string; workspaceId?: string },
  subject: AuditSubject,
): AuditEvent {
  return {
    eventId: newId("aud", deps.now(), deps.random),
    workspaceId: outcome.workspaceId ?? caller.membership?.workspaceId ?? "",
    requestId: caller.requestId,
    principalId: caller.principalId,
    tokenId: caller.tokenId,
    method: caller.method,
    decision: outcome.decision,
    rule: outcome.rule,
    address: caller.address,
    userAgent: caller.userAgent,
    result: outcome.result,
    occurrences: 1,
    ...subject,
  };
}
