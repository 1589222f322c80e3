// Reads the events of transactions that are over, oldest first: no commit adds to what was read.
import type { Sql } from "./database.ts";
import {
  type AuditPosition,
  type AuditRow,
  eventColumns,
  type StoredAuditEvent,
  timeOf,
  toEvent,
} from "./list-audit-events.ts";

/** A set of events that stays as it is. */
export interface EventWindow {
  workspaceId: string;
  /** None of them is older. */
  fromTimeUs: number;
  /** Their transactions, without the last. From 0: events from before there were numbers too. */
  fromXact: number;
  toXact: number;
  /** From 0 only: those with such a number come from another server, whose events were restored here. */
  foreignXact: number;
}

/** The next `limit` events above `above`, by time. */
export async function followAuditEvents(
  sql: Sql,
  window: EventWindow,
  above: AuditPosition | undefined,
  limit: number,
): Promise<StoredAuditEvent[]> {
  const isFirst = window.fromXact === 0;
  const { workspaceId, fromTimeUs, fromXact, toXact, foreignXact } = window;
  const xacts = isFirst ? "(a.xact is null or a.xact < $4 or a.xact >= $3)" : "a.xact >= $3 and a.xact < $4";
  const rows = await sql.query<AuditRow>({
    name: `follow_audit_events${isFirst ? "_first" : ""}${above ? "_above" : ""}`,
    text: `select ${eventColumns} from audit_event a
      where a.workspace_id = $1 and a.event_time >= ${timeOf("$2")} and ${xacts}
        ${above ? `and (a.event_time, a.event_id) > (${timeOf("$6")}, $7)` : ""}
      order by a.event_time, a.event_id limit $5`,
    values: [
      ...[workspaceId, fromTimeUs, isFirst ? foreignXact : fromXact, toXact, limit],
      ...(above ? [above.eventTimeUs, above.eventId] : []),
    ],
  });
  return rows.map(toEvent);
}
