// Reads which transactions have ended, and the time of that observation.
import type { Horizon } from "../domain/audit/event-horizon.ts";
import { only } from "./connection/single-row.ts";
import type { Sql } from "./database.ts";

/** Call it outside a transaction: then now() is the time just before the snapshot. */
export async function readHorizon(sql: Sql): Promise<Horizon> {
  const rows = await sql.query<{ now_us: number; ended_below: number; next: number }>({
    name: "read_horizon",
    text: `select (extract(epoch from now()) * 1000000)::bigint as now_us, pg_snapshot_xmin(s)::text::bigint as ended_below,
        pg_snapshot_xmax(s)::text::bigint as next from pg_current_snapshot() as s`,
    values: [],
  });
  const row = only(rows);
  return { nowUs: row.now_us, endedBelow: row.ended_below, next: row.next };
}
