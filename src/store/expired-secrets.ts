// Stores that secrets whose expire_time has passed are soft-deleted since that time.

import { only } from "./connection/single-row.ts";
import type { Sql, Tx } from "./database.ts";
import { lockedText, type StoredSecret, secretColumnsByClock, toSecret } from "./rows/secret.ts";
import type { DriverRow } from "./rows/select.ts";

// Must match the condition of the index. Uses now(), because these statements do not wait for locks.
const isDue = "s.state = 'ACTIVE' and s.expire_time <= now()";

/** Returns whether any workspace has one, by the database's clock. */
export async function isExpiryDue(sql: Sql): Promise<boolean> {
  const rows = await sql.query<{ due: boolean }>({
    name: "is_expiry_due",
    text: `select exists (select from secret s where ${isDue}) as due`,
    values: [],
  });
  return only(rows).due;
}

/** Locks at most `limit` of them, the longest due first. Skips locked rows. */
export async function lockExpiredSecrets(tx: Tx, limit: number): Promise<StoredSecret[]> {
  const rows = await tx.query<DriverRow>({
    name: "lock_expired_secrets",
    text: lockedText(secretColumnsByClock, `${isDue} order by s.expire_time limit $1 for update of s skip locked`),
    values: [limit],
  });
  return rows.map(toSecret);
}

/** Returns the expired secret that still holds a path; none or one. */
export async function lockExpiredAtPath(
  tx: Tx,
  { workspaceId, region, path }: { workspaceId: string; region: string; path: string },
): Promise<StoredSecret[]> {
  const rows = await tx.query<DriverRow>({
    name: "lock_expired_at_path",
    text: lockedText(
      secretColumnsByClock,
      `s.workspace_id = $1 and s.region = $2 and s.path = $3 and s.state = 'ACTIVE' and s.expire_time <= clock_timestamp()
        for update of s`,
    ),
    values: [workspaceId, region, path],
  });
  return rows.map(toSecret);
}

/** Stores that locked secrets have expired, each with its new MAC, so that their paths become free. */
export async function markExpired(
  tx: Tx,
  secrets: readonly Pick<StoredSecret, "workspaceId" | "secretId" | "rowMac">[],
): Promise<void> {
  await tx.query({
    name: "mark_expired",
    text: `update secret s set state = 'SOFT_DELETED', delete_time = s.expire_time,
        purge_time = s.expire_time + (
          select make_interval(days => w.purge_retention_days) from workspace w where w.workspace_id = s.workspace_id
        ),
        row_mac = e.row_mac, revision = s.revision + 1, update_time = clock_timestamp()
      from unnest($1::text[], $2::text[], $3::bytea[]) as e (workspace_id, secret_id, row_mac)
      where s.workspace_id = e.workspace_id and s.secret_id = e.secret_id`,
    values: [
      secrets.map(({ workspaceId }) => workspaceId),
      secrets.map(({ secretId }) => secretId),
      secrets.map(({ rowMac }) => Buffer.from(rowMac)),
    ],
  });
}
