// The row of an audit seal: one link of a workspace's chain, the events of one month that were sealed on one day.
import { bigint, bytes, integer, text } from "./column-types.ts";
import { covered, mac, type RowOf, table } from "./table.ts";

/** Times are in microseconds since 1970. */
export const auditSealTable = table(
  "audit_seal",
  "s",
  { mac: { name: "audit_seal", version: 1 } },
  {
    workspaceId: covered("workspace_id", text, "mac"),
    sealNumber: covered("seal_number", integer, "mac"),
    /** The form is `2026-11-28`, in UTC. */
    sealDay: covered("seal_day", text, "mac"),
    /** The form is `2026-11`, in UTC. */
    eventMonth: covered("event_month", text, "mac"),
    fromXact: covered("from_xact", bigint, "mac"),
    /** The first transaction number that is not covered. */
    toXact: covered("to_xact", bigint, "mac"),
    firstTimeUs: covered("first_time", bigint, "mac"),
    lastTimeUs: covered("last_time", bigint, "mac"),
    eventCount: covered("event_count", integer, "mac"),
    /** No event of `toXact` or a later transaction is older. */
    lowTimeUs: covered("low_time", bigint, "mac"),
    chain: covered("chain", bytes, "mac"),
    mac: mac(),
  },
);

export type AuditSeal = RowOf<typeof auditSealTable.columns>;
