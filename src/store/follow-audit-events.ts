// Reads the events of transactions that have ended, oldest first: no later commit adds events to that range.
import type { Sql } from "./database.ts";
import { type AuditPosition, type StoredAuditEvent, storedEvent, timeOf, toEvent } from "./list-audit-events.ts";
import type { DriverRow } from "./rows/select.ts";

/** A set of events that does not change any more. */
export interface EventWindow {
  workspaceId: string;
  /** No event of the window is older. */
  fromTimeUs: number;
  /** The numbers of their transactions, `toXact` excluded. From 0 on: includes events without a number, from earlier versions. */
  fromXact: number;
  toXact: number;
  /** Only for windows from 0 on: includes events with such high numbers, which were restored from another server. */
  foreignXact: number;
}

/** Returns the next `limit` events after `above`, by time. */
export async function followAuditEvents(
  sql: Sql,
  window: EventWindow,
  above: AuditPosition | undefined,
  limit: number,
): Promise<StoredAuditEvent[]> {
  const isFirst = window.fromXact === 0;
  const { workspaceId, fromTimeUs, fromXact, toXact, foreignXact } = window;
  const xacts = isFirst ? "(a.xact is null or a.xact < $4 or a.xact >= $3)" : "a.xact >= $3 and a.xact < $4";
  const rows = await sql.query<DriverRow>({
    name: `follow_audit_events${isFirst ? "_first" : ""}${above ? "_above" : ""}`,
    text: `select ${storedEvent.sql} from audit_event a
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
