// Adds events to the audit trail, at the database's time. Nothing changes them later.
import type { AuditEvent } from "../domain/audit/audit-event.ts";
import type { Sql } from "./database.ts";
import { auditEventTable } from "./rows/audit-event.ts";
import { propertiesBut } from "./rows/table.ts";
import { write } from "./rows/write.ts";

export const newEvents = write(auditEventTable, propertiesBut(auditEventTable, "eventTimeUs", "xact"));

/** Returns SQL that adds an event for each row of `from`, with the columns of `source` but for the given expressions. */
export function insertEventsFrom(source: string, from: string, expressions: Readonly<Record<string, string>>): string {
  return newEvents.insertFrom(source, from, expressions);
}

/** Adds all of the events, or none. */
export async function insertAuditEvents(sql: Sql, events: readonly AuditEvent[]): Promise<void> {
  await sql.query({
    name: "insert_audit_events",
    text: newEvents.insertAll("$1"),
    values: [newEvents.json(events as readonly (AuditEvent & { versionNumber: number | undefined })[])],
  });
}
