// Seals of the audit trail, and the events that they cover.
import type { Bounds, Horizon } from "../domain/audit/event-horizon.ts";
import { firstOrUndefined, only } from "./connection/single-row.ts";
import type { Sql, Tx } from "./database.ts";
import { type StoredAuditEvent, storedEvent, timeOf, toEvent } from "./list-audit-events.ts";
import { type AuditSeal, auditSealTable } from "./rows/audit-seal.ts";
import { type DriverRow, select } from "./rows/select.ts";
import { propertiesBut } from "./rows/table.ts";
import { write } from "./rows/write.ts";

/** An event with the number of the transaction that wrote it. */
export interface SealedEvent extends StoredAuditEvent {
  xact: number;
}

const us = (column: string) => `(extract(epoch from ${column}) * 1000000)::bigint`;

/** Selects the columns of `audit_seal s` that make an AuditSeal. */
export const storedSeal = select(auditSealTable, propertiesBut(auditSealTable), {
  expressions: {
    seal_day: "to_char(s.seal_day, 'YYYY-MM-DD')",
    event_month: "to_char(s.event_month, 'YYYY-MM')",
    first_time: us("s.first_time"),
    last_time: us("s.last_time"),
    low_time: us("s.low_time"),
  },
});

const newSeals = write(auditSealTable, propertiesBut(auditSealTable), {
  expressions: {
    seal_day: "(?)::date",
    event_month: "(? || '-01')::date",
    first_time: timeOf("?"),
    last_time: timeOf("?"),
    low_time: timeOf("?"),
  },
});

const extendedSeals = write(auditSealTable, [
  ...(["toXact", "firstTimeUs", "lastTimeUs", "eventCount", "lowTimeUs", "chain", "mac"] as const),
]);

/** The newest seal of a workspace, and the MAC of the previous one, which is empty for the first seal. */
export interface SealHead {
  seal: AuditSeal;
  previousMac: Uint8Array;
}

/**
 * SQL of the workspaces `w` that have an event without a seal, of transactions below `endedBelow`. It costs one index look-up for each.
 * The empty workspace id stands for calls that named no workspace. If a seal has a transaction number that does not exist yet, this
 * database was restored from another server: then only the seal's time is used.
 */
function unsealedText(endedBelow: string, next: string): string {
  return `(select workspace_id from workspace union all select '') w
    left join lateral (
      select * from audit_seal s where s.workspace_id = w.workspace_id order by s.seal_number desc limit 1) h on true
    cross join lateral (
      select case when h.to_xact <= ${next} then h.to_xact else 0 end as from_xact, coalesce(
        case when h.to_xact <= ${next} then h.low_time else h.last_time + interval '1 microsecond' end, '-infinity') as from_time
      offset 0) b
    cross join lateral (
      select from audit_event a where a.workspace_id = w.workspace_id and a.event_time >= b.from_time
        and a.xact >= b.from_xact and a.xact < ${endedBelow} order by a.event_time limit 1) e`;
}

/** Returns whether any workspace has events without a seal, of transactions that have ended. */
export async function isSealingDue(sql: Sql): Promise<boolean> {
  const unsealed = unsealedText("pg_snapshot_xmin(t.s)::text::bigint", "pg_snapshot_xmax(t.s)::text::bigint");
  const rows = await sql.query<{ due: boolean }>({
    name: "is_sealing_due",
    text: `select exists (select from pg_current_snapshot() as t (s) cross join ${unsealed}) as due`,
    values: [],
  });
  return only(rows).due;
}

/** Returns the workspaces that have events without a seal, of transactions that have ended. */
export async function findUnsealed(
  sql: Sql,
  { endedBelow, next }: Pick<Horizon, "endedBelow" | "next">,
  limit: number,
): Promise<string[]> {
  const rows = await sql.query<{ workspace_id: string }>({
    name: "find_unsealed",
    text: `select w.workspace_id from ${unsealedText("$1::bigint", "$2::bigint")} limit $3`,
    values: [endedBelow, next, limit],
  });
  return rows.map((row) => row.workspace_id);
}

export async function findHead(sql: Sql, workspaceId: string): Promise<SealHead | undefined> {
  const rows = await sql.query<DriverRow>({
    name: "find_audit_head",
    text: `select ${storedSeal.sql} from audit_seal s where s.workspace_id = $1 order by s.seal_number desc limit 2`,
    values: [workspaceId],
  });
  const [newest, previous] = rows;
  return (
    newest && {
      seal: storedSeal.read(newest),
      previousMac: previous ? storedSeal.read(previous).mac : new Uint8Array(),
    }
  );
}

/** Returns all seals of a workspace, in the order of their numbers. */
export async function listSeals(sql: Sql, workspaceId: string): Promise<AuditSeal[]> {
  const rows = await sql.query<DriverRow>({
    name: "list_audit_seals",
    text: `select ${storedSeal.sql} from audit_seal s where s.workspace_id = $1 order by s.seal_number`,
    values: [workspaceId],
  });
  return rows.map(storedSeal.read);
}

/** Returns the workspaces that have or had events, including the empty id. */
export async function listAuditedWorkspaces(sql: Sql): Promise<string[]> {
  const rows = await sql.query<{ workspace_id: string }>({
    name: "list_audited_workspaces",
    text: `select workspace_id from workspace union select '' union select workspace_id from audit_seal order by 1`,
    values: [],
  });
  return rows.map((row) => row.workspace_id);
}

export interface EventRange {
  workspaceId: string;
  fromXact: number;
  toXact: number;
  firstTimeUs: number;
  /** Undefined: no such bound. */
  lastTimeUs: number | undefined;
}

/** The position of the last event of a page. */
export type SealedPosition = Pick<SealedEvent, "xact" | "eventTimeUs" | "eventId">;

/** Returns the next `limit` events of a range after a position, in the order in which they are sealed. */
export async function listSealedEvents(
  sql: Sql,
  range: EventRange,
  after: SealedPosition | undefined,
  limit: number,
): Promise<SealedEvent[]> {
  const rows = await sql.query<DriverRow & { xact: number }>({
    name: "list_sealed_events",
    text: `select ${storedEvent.sql}, a.xact from audit_event a
      where a.workspace_id = $1 and a.xact >= $2 and a.xact < $3 and a.event_time >= ${timeOf("$4")}
        and ($5::bigint is null or a.event_time <= ${timeOf("$5")})
        and (a.xact, a.event_time, a.event_id) > ($6::bigint, ${timeOf("$7")}, $8)
      order by a.xact, a.event_time, a.event_id limit $9`,
    values: [
      ...[range.workspaceId, range.fromXact, range.toXact, range.firstTimeUs, range.lastTimeUs ?? null],
      ...[after?.xact ?? -1, after?.eventTimeUs ?? 0, after?.eventId ?? "", limit],
    ],
  });
  return rows.map((row) => ({ ...toEvent(row), xact: row.xact }));
}

/** Counts the events of a workspace that have a transaction number, from a time on, and those of them from `fromXact` on. */
export async function countEvents(
  sql: Sql,
  { workspaceId, fromTime, fromXact }: { workspaceId: string; fromTime: Date | undefined; fromXact: number },
): Promise<{ all: number; newer: number }> {
  const rows = await sql.query<{ all: number; newer: number }>({
    name: "count_audit_events",
    text: `select count(*) as all, count(*) filter (where a.xact >= $3) as newer from audit_event a
      where a.workspace_id = $1 and a.xact is not null and a.event_time >= coalesce($2::timestamptz, '-infinity')`,
    values: [workspaceId, fromTime ?? null, fromXact],
  });
  return only(rows);
}

/** Inserts a seal, or updates it after it was extended. */
export async function putSeal(tx: Tx, seal: AuditSeal): Promise<void> {
  await tx.query({
    name: "put_audit_seal",
    text: `${newSeals.insert()} on conflict (workspace_id, seal_number) do update set ${extendedSeals.replace}`,
    values: newSeals.values(seal),
  });
}

/** Returns the bounds of the last observation and locks their row; undefined before the first observation. */
export async function lockBounds(tx: Tx): Promise<Bounds | undefined> {
  const rows = await tx.query<{ low_xact: number; low_time_us: number; next_xact: number; next_time_us: number }>({
    name: "lock_audit_horizon",
    text: `select h.low_xact, ${us("h.low_time")} as low_time_us, h.next_xact, ${us("h.next_time")} as next_time_us from audit_horizon h for update`,
    values: [],
  });
  const row = firstOrUndefined(rows);
  return (
    row && {
      low: { xact: row.low_xact, timeUs: row.low_time_us },
      next: { xact: row.next_xact, timeUs: row.next_time_us },
    }
  );
}

export async function putBounds(tx: Tx, { low, next }: Bounds): Promise<void> {
  await tx.query({
    name: "put_audit_horizon",
    text: `insert into audit_horizon (low_xact, low_time, next_xact, next_time)
      values ($1, ${timeOf("$2")}, $3, ${timeOf("$4")})
      on conflict (singleton) do update set low_xact = excluded.low_xact, low_time = excluded.low_time,
        next_xact = excluded.next_xact, next_time = excluded.next_time`,
    values: [low.xact, low.timeUs, next.xact, next.timeUs],
  });
}
