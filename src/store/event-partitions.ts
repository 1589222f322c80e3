// Lists, splits and drops partitions of the event tables.
import type pg from "pg";
import { isDatabaseError, isLockNotAvailable, translateError } from "./connection/database-errors.ts";
import { only } from "./connection/single-row.ts";
import type { Database, Sql, Tx } from "./database.ts";

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

/** The transaction may then wait for something else for as long as that takes. It must hold no locks that others wait for. */
export async function mayWait(tx: Tx): Promise<void> {
  await tx.query({ name: "", text: "set local idle_in_transaction_session_timeout = 0", values: [] });
}

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

/**
 * Lets Postgres know that nothing of the partition is later, so that dividing the table need not read it. Reads along the partition on
 * a connection of its own, however long that takes, and holds nobody up. False: a lock could not be had in time.
 */
export async function boundEvents(
  database: Pick<Database, "connectAlone">,
  partition: string,
  end: Date,
): Promise<boolean> {
  const client = await database.connectAlone();
  try {
    if (await isBounded(client, partition, end)) return true;
    // Only the first statement makes writers wait, and so must not wait long itself.
    await client.query(`set statement_timeout = 0; set lock_timeout = ${lockTimeoutMs}`);
    await client.query(`alter table ${partition} drop constraint if exists bound,
      add constraint bound check (event_time < '${end.toISOString()}') not valid`);
    await client.query(`set lock_timeout = ${validateLockTimeoutMs}`);
    await client.query(`alter table ${partition} validate constraint bound`);
    return true;
  } catch (error) {
    if (isLockNotAvailable(error)) return false;
    throw translateError(error);
  } finally {
    await client.end().catch(() => {});
  }
}

/** Long enough to cancel an autovacuum that holds the lock. */
const validateLockTimeoutMs = 5_000;

async function isBounded(client: pg.Client, partition: string, end: Date): Promise<boolean> {
  const { rows } = await client.query<{ found: boolean }>(
    `select exists (select from pg_constraint c where c.conrelid = to_regclass($1) and c.conname = 'bound' and c.convalidated
      and strpos(pg_get_constraintdef(c.oid), $2) > 0) as found`,
    [partition, `${end.toISOString().slice(0, 10)} 00:00:00+00`],
  );
  return only(rows).found;
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
