// Stores when secrets were last put into requests.
import type { Sql } from "./database.ts";

/** Stores many in one statement. A time never goes back. */
export async function touchUsedByEgress(sql: Sql, secrets: { workspaceId: string; secretId: string }[]): Promise<void> {
  await sql.query({
    name: "touch_used_by_egress",
    text: `update secret s set last_used_time = now()
      from unnest($1::text[], $2::text[]) as t (workspace_id, secret_id)
      where s.workspace_id = t.workspace_id and s.secret_id = t.secret_id`,
    values: [secrets.map(({ workspaceId }) => workspaceId), secrets.map(({ secretId }) => secretId)],
  });
}
