// Creates partitions for the events of coming months, and drops partitions whose retention has passed.
import { divideAt, type EventPartition, outdated, partitionName, partitionsOf } from "../domain/audit/event-months.ts";
import { coveredOfAuditCut, macOf } from "../integrity/row-macs.ts";
import { putAuditCut } from "../store/audit-cut.ts";
import { databaseNow } from "../store/clock.ts";
import type { Database, Sql, Tx } from "../store/database.ts";
import {
  boundEvents,
  divideLastPartition,
  dropPartition,
  type EventTable,
  hasEvents,
  listEventPartitions,
  mayWait,
  tryLockEvents,
} from "../store/event-partitions.ts";
import type { Job, JobDeps } from "./job.ts";

/** The number of days after which events are dropped; undefined: never. */
export interface EventRetention {
  auditDays: number | undefined;
  egressDays: number | undefined;
}

/** The work on one table. */
interface Work {
  last: EventPartition | undefined;
  /** The end of the last partition. */
  divide: Date | undefined;
  drop: EventPartition[];
}

const tables = ["audit_event", "egress_event"] as const;

export function partitionEvents(retention: EventRetention): Job {
  const daysOf = (table: EventTable) => (table === "audit_event" ? retention.auditDays : retention.egressDays);
  const workOf = async (sql: Sql, table: EventTable): Promise<Work> => {
    const partitions = partitionsOf(table, await listEventPartitions(sql, table));
    const now = await databaseNow(sql);
    const last = partitions.at(-1);
    return { last, divide: last && divideAt(last, now), drop: outdated(partitions, daysOf(table), now) };
  };
  return {
    name: "PartitionEvents",
    async isDue(sql) {
      const works = await Promise.all(tables.map((table) => workOf(sql, table)));
      return works.some(({ divide, drop }) => divide !== undefined || drop.length > 0);
    },
    async runBatch(deps, tx) {
      let done = 0;
      const works: (Work & { table: EventTable })[] = [];
      for (const table of tables) works.push({ table, ...(await workOf(tx, table)) });
      // Before a table is locked, because it may take long.
      for (const work of works) {
        const { last, divide } = work;
        if (last?.begin && divide && !(await boundUsed(deps.database, tx, last, divide))) work.divide = undefined;
      }
      for (const { table, last, divide, drop } of works) {
        if (!divide && drop.length === 0) continue;
        // The next run does the work that is left.
        if (!(await tryLockEvents(tx, table))) continue;
        if (last?.begin && divide) {
          const { name, begin } = last;
          await divideLastPartition(tx, table, { name, begin, end: divide }, partitionName(table, divide));
          done++;
        }
        for (const partition of drop) done += await dropOutdated(deps, tx, table, partition);
      }
      return done;
    },
  };
}

/**
 * Reads the last partition before the table is locked, if it is in use because no job has run for long. Returns false if a lock could
 * not be had in time.
 */
async function boundUsed(database: Database, tx: Tx, { name }: EventPartition, end: Date): Promise<boolean> {
  // Outside the transaction, which would otherwise keep a lock on the partition.
  if (!(await hasEvents(database, name))) return true;
  await mayWait(tx);
  return boundEvents(database, name, end);
}

/** The cut shows `coffer audit verify` that retention, and nobody else, removed the events. */
async function dropOutdated(deps: JobDeps, tx: Tx, table: EventTable, { name, end }: EventPartition): Promise<number> {
  await dropPartition(tx, table, name);
  if (table === "audit_event" && end) {
    const mac = macOf(deps.deploymentKeys, coveredOfAuditCut({ beforeTime: end }));
    await putAuditCut(tx, { beforeTime: end, mac });
  }
  return 1;
}
