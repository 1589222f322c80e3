// Finds, locks and deletes secrets whose purge_time has passed, with all of their versions.
import type { Secret } from "../domain/secret/secret.ts";
import { only } from "./connection/single-row.ts";
import type { Sql, Tx } from "./database.ts";

const isDue = "s.state = 'SOFT_DELETED' and s.purge_time <= now()";

/** Returns whether any workspace has one, by the database's clock. */
export async function isPurgeDue(sql: Sql): Promise<boolean> {
  const rows = await sql.query<{ due: boolean }>({
    name: "is_purge_due",
    text: `select exists (select from secret s where ${isDue}) as due`,
    values: [],
  });
  return only(rows).due;
}

export type SecretToPurge = Pick<Secret, "workspaceId" | "secretId" | "versionCount">;

/** Locks at most `limit` of them, the longest due first. Skips locked rows. */
export async function lockSecretsToPurge(tx: Tx, limit: number): Promise<SecretToPurge[]> {
  const rows = await tx.query<{ workspace_id: string; secret_id: string; version_count: number }>({
    name: "lock_secrets_to_purge",
    text: `select s.workspace_id, s.secret_id, s.version_count from secret s where ${isDue}
      order by s.purge_time limit $1 for update skip locked`,
    values: [limit],
  });
  return rows.map((row) => ({
    workspaceId: row.workspace_id,
    secretId: row.secret_id,
    versionCount: row.version_count,
  }));
}

/** Deletes locked secrets and their versions. */
export async function purgeSecrets(tx: Tx, secrets: readonly SecretToPurge[]): Promise<void> {
  await tx.query({
    name: "purge_secrets",
    text: `with purged as (
        select * from unnest($1::text[], $2::text[]) as p (workspace_id, secret_id)
      ), versions as (
        delete from secret_version v using purged p
        where v.workspace_id = p.workspace_id and v.secret_id = p.secret_id
      )
      delete from secret s using purged p where s.workspace_id = p.workspace_id and s.secret_id = p.secret_id`,
    values: [secrets.map(({ workspaceId }) => workspaceId), secrets.map(({ secretId }) => secretId)],
  });
}
