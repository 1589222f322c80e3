// The audit trail's writer: group commit, so that many calls share one durable statement.
import type { AuditEvent, AuditSubject } from "../domain/audit/audit-event.ts";
import { CofferError } from "../domain/error/errors.ts";
import { newId } from "../domain/ids.ts";
import type { RandomBytes } from "../domain/random.ts";
import type { Caller } from "../domain/workspace/caller.ts";
import { insertAuditEvents } from "../store/audit-events.ts";
import type { Sql } from "../store/database.ts";
import { endOrTurn } from "./pass-by.ts";

export interface AuditTrail {
  /** Resolves when the event is durable, and fails with AUDIT_UNAVAILABLE when it is not. */
  record(event: AuditEvent): Promise<void>;
  /** Resolves when everything recorded so far is durable or has failed. */
  drain(): Promise<void>;
}

const batchEventsMax = 256;

interface Waiting {
  event: AuditEvent;
  resolve: () => void;
  reject: (error: unknown) => void;
}

/**
 * One statement runs at a time. Events that arrive meanwhile go with the next one, so nobody waits for a timer. If a statement gets no
 * answer for a while, the next one runs beside it on another connection.
 */
export function createAuditTrail(sql: Sql): AuditTrail {
  let waiting: Waiting[] = [];
  let writing: Promise<void> | undefined;
  const batches = new Set<Promise<void>>();

  async function writeAll(): Promise<void> {
    // Lets the calls that are ready in this turn of the event loop come along.
    await new Promise((resolve) => setImmediate(resolve));
    while (waiting.length > 0) {
      const batch = waiting.slice(0, batchEventsMax);
      waiting = waiting.slice(batchEventsMax);
      const written = writeBatch(sql, batch);
      batches.add(written);
      void written.then(() => batches.delete(written));
      await endOrTurn(written);
    }
    writing = undefined;
  }

  return {
    record: (event) =>
      new Promise((resolve, reject) => {
        waiting.push({ event, resolve, reject });
        writing ??= writeAll();
      }),
    async drain() {
      await writing;
      await Promise.all(batches);
    },
  };
}

async function writeBatch(sql: Sql, batch: readonly Waiting[]): Promise<void> {
  try {
    await insertAuditEvents(
      sql,
      batch.map(({ event }) => event),
    );
    for (const { resolve } of batch) resolve();
  } catch (cause) {
    const error = auditUnavailable(cause);
    for (const { reject } of batch) reject(error);
  }
}

export function auditUnavailable(cause: unknown): CofferError {
  return new CofferError(
    "AUDIT_UNAVAILABLE",
    "the audit trail cannot be written, so nothing is revealed or changed",
    {},
    { cause, retryDelayMs: 1_000 },
  );
}

/** The event of a call, about `subject`. */
export function auditEvent(
  deps: { now: () => Date; random: RandomBytes },
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
