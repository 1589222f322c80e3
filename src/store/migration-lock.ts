// Lets one instance at a time change the schema; the others wait and log who holds the lock.
import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";

/** Writes a line for the operator. */
export type MigrationLog = (message: string, details: Record<string, unknown>) => void;

// Any constant will do, as long as every coffer uses the same one.
const advisoryLock = 4_015_262_901;
const askEveryMs = 200;
const sayEveryMs = 10_000;

/** Runs `work` while no other instance runs it. The lock ends with `work` or with the connection. */
export async function withMigrationLock<T>(client: pg.Client, log: MigrationLog, work: () => Promise<T>): Promise<T> {
  const since = new Date();
  let sayAtMs = performance.now() + askEveryMs;
  // Polls, because a waiting statement would block `create index concurrently`.
  while (!(await isLocked(client))) {
    if (performance.now() >= sayAtMs) {
      const holder = await holderOf(client);
      log("waiting for another instance, which holds the migration lock", { waitingSince: since, ...holder });
      sayAtMs = performance.now() + sayEveryMs;
    }
    await sleep(askEveryMs);
  }
  try {
    return await work();
  } finally {
    await client.query("select pg_advisory_unlock($1)", [advisoryLock]).catch(() => {});
  }
}

async function isLocked(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query("select pg_try_advisory_lock($1) as locked", [advisoryLock]);
  return rows[0].locked;
}

/** pg_locks shows the number of the lock in two halves. */
async function holderOf(client: pg.Client): Promise<Record<string, unknown>> {
  const { rows } = await client.query(
    `select l.pid as "holderPid", a.client_addr::text as "holderAddress", a.backend_start as "holderConnectedSince"
      from pg_locks l left join pg_stat_activity a on a.pid = l.pid
      where l.locktype = 'advisory' and l.granted and l.objsubid = 1
        and (l.classid::bigint << 32) + l.objid::bigint = $1
        and l.database = (select oid from pg_database where datname = current_database())`,
    [advisoryLock],
  );
  return rows[0] ?? {};
}
