// Lists the audit trail of a workspace in pages, newest first.
import type { AuditEvent } from "../domain/audit/audit-event.ts";
import type { Sql } from "./database.ts";
import { auditEventTable } from "./rows/audit-event.ts";
import { type DriverRow, select } from "./rows/select.ts";
import { propertiesBut } from "./rows/table.ts";

/** All conditions must hold; an undefined one always does. */
export interface AuditFilter {
  workspaceId: string;
  resourceId: string | undefined;
  principalId: string | undefined;
  /** This time or later, in microseconds since 1970. */
  startTimeUs: number | undefined;
  /** Before this time, in microseconds since 1970. */
  endTimeUs: number | undefined;
}

export interface StoredAuditEvent extends AuditEvent {
  /** Microseconds since 1970, by the database's clock. */
  eventTimeUs: number;
}

/** The end of a page. */
export type AuditPosition = Pick<StoredAuditEvent, "eventTimeUs" | "eventId">;

/** Selects the columns of `audit_event a` that make a StoredAuditEvent. */
export const storedEvent = select(auditEventTable, propertiesBut(auditEventTable, "xact"), {
  expressions: { event_time: "(extract(epoch from a.event_time) * 1000000)::bigint" },
});

/** Returns the next `limit` events before `below`, newest first. */
export async function listAuditEvents(
  sql: Sql,
  filter: AuditFilter,
  below: AuditPosition | undefined,
  limit: number,
): Promise<StoredAuditEvent[]> {
  const values: unknown[] = [];
  const names = ["list_audit_events"];
  const conditions: string[] = [];
  // Each combination of conditions is a statement of its own, which Postgres plans once.
  const require = (name: string, condition: (...parameters: string[]) => string, ...given: unknown[]) => {
    if (given.includes(undefined)) return;
    if (name !== "") names.push(name);
    conditions.push(condition(...given.map((value) => `$${values.push(value)}`)));
  };
  require("", (id) => `a.workspace_id = ${id}`, filter.workspaceId);
  const lead = leadOf(filter);
  if (lead) {
    names.push(lead.name);
    const value = `$${values.push(lead.value)}`;
    // A range instead of `=`: otherwise Postgres may choose the index of all events for the order, and read those of others too.
    conditions.push(`${lead.column} >= ${value}`, `${lead.column} <= ${value}`);
  }
  const first = lead ? `${lead.column}, ` : "";
  const ofFirst = lead ? `$${values.length}, ` : "";
  if (filter.resourceId !== undefined) require("principal", (id) => `a.principal_id = ${id}`, filter.principalId);
  // The row comparison is the start of the index scan. The comparison of the time alone lets Postgres skip partitions.
  require("start", (time) =>
    `(${first}a.event_time) >= (${ofFirst}${timeOf(time)}) and a.event_time >= ${timeOf(time)}`, filter.startTimeUs);
  require("end", (time) =>
    `(${first}a.event_time) < (${ofFirst}${timeOf(time)}) and a.event_time < ${timeOf(time)}`, filter.endTimeUs);
  require("below", (time, id) =>
    `(${first}a.event_time, a.event_id) < (${ofFirst}${timeOf(time)}, ${id})`, below?.eventTimeUs, below?.eventId);
  const rows = await sql.query<DriverRow>({
    name: names.join("_"),
    listOf: filter.workspaceId,
    text: `select ${storedEvent.sql}
      from audit_event a where ${conditions.join(" and ")}
      order by ${lead ? `${lead.column} desc, ` : ""}a.event_time desc, a.event_id desc limit $${values.push(limit)}`,
    values,
  });
  return rows.map(toEvent);
}

/** Returns the column of the filter that an index has after the workspace. */
function leadOf({ resourceId, principalId }: AuditFilter): { name: string; column: string; value: string } | undefined {
  if (resourceId !== undefined) return { name: "resource", column: "a.resource_id", value: resourceId };
  if (principalId !== undefined) return { name: "principal", column: "a.principal_id", value: principalId };
  return undefined;
}

export function timeOf(parameterUs: string): string {
  return `('epoch'::timestamptz + ${parameterUs}::bigint * interval '1 microsecond')`;
}

export function toEvent(row: DriverRow): StoredAuditEvent {
  const { versionNumber, ...event } = storedEvent.read(row);
  return versionNumber === undefined ? event : { ...event, versionNumber };
}
