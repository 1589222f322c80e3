// Takes the lock of a job, so that one instance at a time runs it.

import { only } from "./connection/single-row.ts";
import type { Tx } from "./database.ts";

// Any constant will do, as long as every coffer uses the same one.
const lockClass = 401_526_290;

/** Returns whether the lock was free, without waiting. The lock ends with the transaction or its connection. */
export async function tryLockJob(tx: Tx, name: string): Promise<boolean> {
  const rows = await tx.query<{ locked: boolean }>({
    name: "try_lock_job",
    text: "select pg_try_advisory_xact_lock($1, hashtext($2)) as locked",
    values: [lockClass, name],
  });
  return only(rows).locked;
}
