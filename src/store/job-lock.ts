// One lock a job: whoever holds it works, every other instance lets it.

import { only } from "./connection/single-row.ts";
import type { Tx } from "./database.ts";

// Any constant will do, as long as every coffer uses the same one.
const lockClass = 401_526_290;

/** Says at once whether the lock was free. It ends with the transaction, and so with the connection at the latest. */
export async function tryLockJob(tx: Tx, name: string): Promise<boolean> {
  const rows = await tx.query<{ locked: boolean }>({
    name: "try_lock_job",
    text: "select pg_try_advisory_xact_lock($1, hashtext($2)) as locked",
    values: [lockClass, name],
  });
  return only(rows).locked;
}
