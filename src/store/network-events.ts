// Lists the egress events of one sandbox by time, newest first.
import type { EgressErrorCode, StoredEgressEvent } from "../domain/egress/egress-event.ts";
import type { EventPosition } from "../domain/egress/network-log.ts";
import type { Sql } from "./database.ts";
import { type EventRow, toEvent } from "./egress-events.ts";

export interface NetworkEventFilter {
  workspaceId: string;
  sandboxId: string;
  /** Only events before this position. */
  before: EventPosition | undefined;
  /** Only events at this time or later; RFC 3339. */
  since: string | undefined;
  /** Only tunnels with one of these codes; undefined: requests too. */
  tunnelsWith: readonly EgressErrorCode[] | undefined;
  limit: number;
}

export interface PlacedEvent {
  event: StoredEgressEvent;
  place: EventPosition;
}

export async function listNetworkEvents(sql: Sql, filter: NetworkEventFilter): Promise<PlacedEvent[]> {
  const { workspaceId, sandboxId, before, since, tunnelsWith, limit } = filter;
  const rows = await sql.query<EventRow & { place_time: string }>({
    name: `list_network_events_${tunnelsWith ? 1 : 0}`,
    listOf: workspaceId,
    text: `select e.*, b.name as sandbox_name,
        to_char(e.event_time at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as place_time
      from egress_event e
      left join sandbox b on b.workspace_id = e.workspace_id and b.sandbox_id = e.sandbox_id and b.delete_time is null
      where e.workspace_id = $1 and e.sandbox_id = $2
        and (e.event_time, e.event_number) < (coalesce($3::timestamptz, 'infinity'), $4::bigint)
        and e.event_time >= coalesce($5::timestamptz, '-infinity')
        ${tunnelsWith ? "and e.method = 'CONNECT' and e.error_code = any ($7)" : ""}
      order by e.event_time desc, e.event_number desc limit $6`,
    values: [
      ...[workspaceId, sandboxId, before?.time ?? null, before?.eventNumber ?? 0, since ?? null, limit],
      ...(tunnelsWith ? [tunnelsWith] : []),
    ],
  });
  return rows.map((row) => ({
    event: toEvent(row),
    place: { time: row.place_time, eventNumber: row.event_number },
  }));
}
