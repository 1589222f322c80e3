// One coffer at a time changes the schema; the others wait, and say for whom.
import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";

/** A line for whoever operates the service. */
export type MigrationLog = (message: string, details: Record<string, unknown>) => void;

// Any constant will do, as long as every coffer uses the same one.
const advisoryLock = 4_015_262_901;
const askEveryMs = 200;
const sayEveryMs = 10_000;

/** Runs `work` while no other coffer does the same. The lock ends with it, and with the connection at the latest. */
export async function withMigrationLock<T>(client: pg.Client, log: MigrationLog, work: () => Promise<T>): Promise<T> {
  const since = new Date();
  let sayAtMs = performance.now() + askEveryMs;
  // Asked for again and again: a statement that waits would keep indexes from being made concurrently.
  while (!(await isLocked(client))) {
    if (performance.now() >= sayAtMs) {
      const holder = await holderOf(client);
      log("waiting for another coffer, which holds the lock of the migrations", { waitingSince: since, ...holder });
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

/** A lock by one number shows it in two halves. */
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
