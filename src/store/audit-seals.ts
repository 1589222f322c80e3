// Seals of the audit trail, and the events that they cover.
import type { Bounds, Horizon } from "../domain/audit/event-horizon.ts";
import { firstOrUndefined, only } from "./connection/single-row.ts";
import type { Sql, Tx } from "./database.ts";
import { type AuditRow, eventColumns, type StoredAuditEvent, timeOf, toEvent } from "./list-audit-events.ts";

/** An event with the number of the transaction that wrote it. */
export interface SealedEvent extends StoredAuditEvent {
  xact: number;
}

/** One link of a workspace's chain: the events of one month that were sealed on one day. Times are in microseconds since 1970. */
export interface AuditSeal {
  workspaceId: string;
  sealNumber: number;
  /** As `2026-11-28`, in UTC. */
  sealDay: string;
  /** As `2026-11`, in UTC. */
  eventMonth: string;
  fromXact: number;
  /** The first transaction number that is not covered. */
  toXact: number;
  firstTimeUs: number;
  lastTimeUs: number;
  eventCount: number;
  /** No event of `toXact` or a later transaction is older. */
  lowTimeUs: number;
  chain: Uint8Array;
  mac: Uint8Array;
}

interface SealRow {
  workspace_id: string;
  seal_number: number;
  seal_day: string;
  event_month: string;
  from_xact: number;
  to_xact: number;
  first_time_us: number;
  last_time_us: number;
  event_count: number;
  low_time_us: number;
  chain: Uint8Array;
  mac: Uint8Array;
}

const us = (column: string) => `(extract(epoch from ${column}) * 1000000)::bigint as ${column.slice(2)}_us`;

const columns = `s.workspace_id, s.seal_number, to_char(s.seal_day, 'YYYY-MM-DD') as seal_day,
  to_char(s.event_month, 'YYYY-MM') as event_month, s.from_xact, s.to_xact, ${us("s.first_time")}, ${us("s.last_time")},
  s.event_count, ${us("s.low_time")}, s.chain, s.mac`;

function toSeal(row: SealRow): AuditSeal {
  return {
    workspaceId: row.workspace_id,
    sealNumber: row.seal_number,
    sealDay: row.seal_day,
    eventMonth: row.event_month,
    fromXact: row.from_xact,
    toXact: row.to_xact,
    firstTimeUs: row.first_time_us,
    lastTimeUs: row.last_time_us,
    eventCount: row.event_count,
    lowTimeUs: row.low_time_us,
    chain: row.chain,
    mac: row.mac,
  };
}

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
  const rows = await sql.query<SealRow>({
    name: "find_audit_head",
    text: `select ${columns} from audit_seal s where s.workspace_id = $1 order by s.seal_number desc limit 2`,
    values: [workspaceId],
  });
  const [newest, previous] = rows;
  return newest && { seal: toSeal(newest), previousMac: previous?.mac ?? new Uint8Array() };
}

/** Returns all seals of a workspace, in the order of their numbers. */
export async function listSeals(sql: Sql, workspaceId: string): Promise<AuditSeal[]> {
  const rows = await sql.query<SealRow>({
    name: "list_audit_seals",
    text: `select ${columns} from audit_seal s where s.workspace_id = $1 order by s.seal_number`,
    values: [workspaceId],
  });
  return rows.map(toSeal);
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
  const rows = await sql.query<AuditRow & { xact: number }>({
    name: "list_sealed_events",
    text: `select ${eventColumns}, a.xact from audit_event a
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
    text: `insert into audit_seal (workspace_id, seal_number, seal_day, event_month, from_xact, to_xact, first_time, last_time,
        event_count, low_time, chain, mac)
      values ($1, $2, $3::date, $4::date, $5, $6, ${timeOf("$7")}, ${timeOf("$8")}, $9, ${timeOf("$10")}, $11, $12)
      on conflict (workspace_id, seal_number) do update set to_xact = excluded.to_xact, first_time = excluded.first_time,
        last_time = excluded.last_time, event_count = excluded.event_count, low_time = excluded.low_time,
        chain = excluded.chain, mac = excluded.mac`,
    values: [
      ...[seal.workspaceId, seal.sealNumber, seal.sealDay, `${seal.eventMonth}-01`, seal.fromXact, seal.toXact],
      ...[seal.firstTimeUs, seal.lastTimeUs, seal.eventCount, seal.lowTimeUs, seal.chain, seal.mac],
    ],
  });
}

/** Returns the bounds of the last observation and locks their row; undefined before the first observation. */
export async function lockBounds(tx: Tx): Promise<Bounds | undefined> {
  const rows = await tx.query<{ low_xact: number; low_time_us: number; next_xact: number; next_time_us: number }>({
    name: "lock_audit_horizon",
    text: `select h.low_xact, ${us("h.low_time")}, h.next_xact, ${us("h.next_time")} from audit_horizon h for update`,
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
