// Updates the planner's statistics of tables that have grown tenfold, long before autovacuum does.

import { only } from "./connection/single-row.ts";
import type { Sql, Tx } from "./database.ts";

// Any plan is fast for fewer rows. A table that was never analyzed counts as empty.
const rowsMin = 500;
const grownTables = `select c.oid::regclass::text as name
  from pg_catalog.pg_class c join pg_catalog.pg_stat_user_tables t on t.relid = c.oid
  where c.relkind = 'r' and pg_has_role(c.relowner, 'USAGE')
    and c.relnamespace = (select m.relnamespace from pg_catalog.pg_class m where m.oid = to_regclass('schema_migration'))
    and t.n_live_tup >= ${rowsMin} and t.n_live_tup >= 10 * greatest(c.reltuples, 0)`;

export async function isAnalysisDue(sql: Sql): Promise<boolean> {
  const rows = await sql.query<{ due: boolean }>({
    name: "is_analysis_due",
    text: `select exists (${grownTables}) as due`,
    values: [],
  });
  return only(rows).due;
}

/** Skips tables that another session analyzes or alters. */
export async function analyzeGrownTables(tx: Tx): Promise<void> {
  const tables = await tx.query<{ name: string }>({ name: "find_grown_tables", text: grownTables, values: [] });
  // Postgres quotes the names that need it.
  for (const { name } of tables) await tx.query({ name: "", text: `analyze (skip_locked) ${name}`, values: [] });
}
