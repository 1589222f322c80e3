// Lists, splits and drops partitions of the event tables.
import type { Sql, Tx } from "./database.ts";
import { isDatabaseError } from "./database-errors.ts";
import { only } from "./rows.ts";

export type EventTable = "audit_event" | "egress_event";

/** The names of the tables that hold the events, with the prefix of those that were taken out to be dropped. */
export async function listEventPartitions(sql: Sql, table: EventTable): Promise<string[]> {
  const rows = await sql.query<{ name: string }>({
    name: "list_event_partitions",
    text: `select c.relname::text as name from pg_inherits i join pg_class c on c.oid = i.inhrelid
      where i.inhparent = to_regclass($1)`,
    values: [table],
  });
  return rows.map(({ name }) => name);
}

/** Most statements end within this time. A longer one must not make all writers wait behind this lock. */
const lockTimeoutMs = 200;

/** Returns whether the table was locked within 0.2 s. */
export async function tryLockEvents(tx: Tx, table: EventTable): Promise<boolean> {
  await tx.query({ name: "savepoint_events", text: "savepoint lock_events", values: [] });
  try {
    await tx.query({ name: "", text: `set local lock_timeout = ${lockTimeoutMs}`, values: [] });
    await tx.query({ name: `lock_${table}`, text: `lock table ${table} in access exclusive mode`, values: [] });
    return true;
  } catch (error) {
    const isBusy = !isDatabaseError(error);
    await tx.query({ name: "rollback_to_events", text: "rollback to savepoint lock_events", values: [] });
    if (isBusy) return false;
    throw error;
  }
}

export async function hasEvents(sql: Sql, partition: string): Promise<boolean> {
  const rows = await sql.query<{ found: boolean }>({
    name: "",
    text: `select exists (select from ${partition}) as found`,
    values: [],
  });
  return only(rows).found;
}

/** Adds a checked constraint, so that Postgres need not scan the partition when it is split. Does not block writers. */
export async function boundEvents(sql: Sql, partition: string, end: Date): Promise<void> {
  const check = `check (event_time < '${end.toISOString()}')`;
  await sql.query({ name: "", text: `alter table ${partition} drop constraint if exists bound`, values: [] });
  await sql.query({ name: "", text: `alter table ${partition} add constraint bound ${check} not valid`, values: [] });
  await sql.query({ name: "", text: `alter table ${partition} validate constraint bound`, values: [] });
}

/** Ends the last partition at a time and creates the next one. The caller has locked the table. */
export async function divideLastPartition(
  tx: Tx,
  table: EventTable,
  last: { name: string; begin: Date; end: Date },
  next: string,
): Promise<void> {
  const [begin, end] = [last.begin.toISOString(), last.end.toISOString()];
  for (const text of [
    `alter table ${table} detach partition ${last.name}`,
    `alter table ${table} attach partition ${last.name} for values from ('${begin}') to ('${end}')`,
    `alter table ${last.name} drop constraint if exists bound`,
    `create table ${next} partition of ${table} for values from ('${end}') to (maxvalue)`,
  ]) {
    await tx.query({ name: "", text, values: [] });
  }
}

/** Drops a partition with all of its events. The caller has locked the table. */
export async function dropPartition(tx: Tx, table: EventTable, partition: string): Promise<void> {
  await tx.query({ name: "", text: `alter table ${table} detach partition ${partition}`, values: [] });
  await tx.query({ name: "", text: `drop table ${partition}`, values: [] });
}
