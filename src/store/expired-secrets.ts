// Secrets whose expire_time has come: noted down as soft-deleted since then.
import type { Secret } from "../domain/secret.ts";
import type { Sql, Tx } from "./database.ts";
import { only } from "./rows.ts";

// As the index has it. Nothing that is judged by it waits for a lock.
const isDue = "s.state = 'ACTIVE' and s.expire_time <= now()";

const settled = `state = 'SOFT_DELETED', delete_time = s.expire_time,
        purge_time = s.expire_time + (
          select make_interval(days => w.purge_retention_days) from workspace w where w.workspace_id = s.workspace_id
        ),
        revision = s.revision + 1, update_time = clock_timestamp()`;

/** Looks in every workspace, by the database's clock. */
export async function isExpiryDue(sql: Sql): Promise<boolean> {
  const rows = await sql.query<{ due: boolean }>({
    name: "is_expiry_due",
    text: `select exists (select from secret s where ${isDue}) as due`,
    values: [],
  });
  return only(rows).due;
}

/** At most `limit` of them, the longest due first; what another transaction holds is left for later. */
export async function settleExpiredSecrets(tx: Tx, limit: number): Promise<Pick<Secret, "workspaceId" | "secretId">[]> {
  const rows = await tx.query<{ workspace_id: string; secret_id: string }>({
    name: "settle_expired_secrets",
    text: `with due as (
        select s.workspace_id, s.secret_id from secret s where ${isDue}
        order by s.expire_time limit $1 for update skip locked
      )
      update secret s set ${settled}
      from due where s.workspace_id = due.workspace_id and s.secret_id = due.secret_id
      returning s.workspace_id, s.secret_id`,
    values: [limit],
  });
  return rows.map((row) => ({ workspaceId: row.workspace_id, secretId: row.secret_id }));
}

/** Notes down, and says, that a secret has expired, so that it no longer holds its path: the one at this path, or the one named. */
export async function settleExpired(
  sql: Sql,
  which: { workspaceId: string; secretId: string } | { workspaceId: string; region: string; path: string },
): Promise<string[]> {
  const condition =
    "secretId" in which
      ? { name: "settle_expired_by_id", text: "s.secret_id = $2", values: [which.secretId] }
      : {
          name: "settle_expired_by_path",
          text: "s.region = $2 and s.path = $3",
          values: [which.region, which.path],
        };
  const rows = await sql.query<{ secret_id: string }>({
    name: condition.name,
    text: `update secret s set ${settled}
      where s.workspace_id = $1 and ${condition.text} and s.state = 'ACTIVE' and s.expire_time <= clock_timestamp()
      returning s.secret_id`,
    values: [which.workspaceId, ...condition.values],
  });
  return rows.map((row) => row.secret_id);
}
