// Finds the secrets that refer to a vault connection.
import type { VaultConnection } from "../domain/external-vault/vault-connection.ts";
import type { Sql } from "./database.ts";
import { isActive } from "./rows/secret.ts";

/** Returns the first `limit` ids of active secrets that have a version with this connection which is not destroyed. */
export async function findReferringSecretIds(
  sql: Sql,
  { workspaceId, vaultConnectionId }: Pick<VaultConnection, "workspaceId" | "vaultConnectionId">,
  limit: number,
): Promise<string[]> {
  const rows = await sql.query<{ secret_id: string }>({
    name: "find_referring_secret_ids",
    text: `select distinct v.secret_id from secret_version v
      join secret s on s.workspace_id = v.workspace_id and s.secret_id = v.secret_id and ${isActive}
      where v.workspace_id = $1 and v.vault_connection_id = $2 and v.state <> 'DESTROYED'
      order by v.secret_id limit $3`,
    values: [workspaceId, vaultConnectionId, limit],
  });
  return rows.map((row) => row.secret_id);
}
