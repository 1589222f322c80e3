// The audit trail: events are only ever added, at the database's time.
import type { AuditEvent } from "../domain/audit/audit-event.ts";
import type { Sql } from "./database.ts";
import { auditEventTable } from "./rows/audit-event.ts";
import { propertiesBut } from "./rows/table.ts";
import { write } from "./rows/write.ts";

const newEvents = write(auditEventTable, propertiesBut(auditEventTable, "eventTimeUs", "xact"));

/** Adds the events in the parameter, as `insertedEvents` makes it. */
export function insertEventsText(parameter: string): string {
  return newEvents.insertAll(parameter);
}

/** Adds an event for each row of `from`; its columns are those of `source` but for the given expressions. */
export function insertEventsFrom(source: string, from: string, expressions: Readonly<Record<string, string>>): string {
  return newEvents.insertFrom(source, from, expressions);
}

export function insertedEvents(events: readonly AuditEvent[]): string {
  return newEvents.json(events as readonly (AuditEvent & { versionNumber: number | undefined })[]);
}

/** Adds events in one statement, and so all of them or none. */
export async function insertAuditEvents(sql: Sql, events: readonly AuditEvent[]): Promise<void> {
  await sql.query({
    name: "insert_audit_events",
    text: insertEventsText("$1"),
    values: [insertedEvents(events)],
  });
}
