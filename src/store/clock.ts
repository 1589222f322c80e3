// The database's clock, by which lifetimes are judged.
import type { Sql } from "./database.ts";
import { only } from "./rows.ts";

export async function databaseNow(sql: Sql): Promise<Date> {
  const rows = await sql.query<{ now: Date }>({
    name: "database_now",
    text: "select date_trunc('milliseconds', now()) as now",
    values: [],
  });
  return only(rows).now;
}
