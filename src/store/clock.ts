// The database's clock, by which lifetimes are judged.

import { only } from "./connection/single-row.ts";
import type { Sql } from "./database.ts";

/**
 * The current time as `t.at`, the same in the whole statement. Use it in transactions that may have waited for a lock: now() is the time
 * at which the transaction began.
 */
export const clock = "(select clock_timestamp() as at) t";

/** The current time. In a transaction now() would be the time at which it began, before it waited for any lock. */
export async function databaseNow(sql: Sql): Promise<Date> {
  const rows = await sql.query<{ now: Date }>({
    name: "database_now",
    text: "select date_trunc('milliseconds', clock_timestamp()) as now",
    values: [],
  });
  return only(rows).now;
}
