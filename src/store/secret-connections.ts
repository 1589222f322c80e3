// Finds the vault connections of the current versions of secrets.
import type { SecretConnection, VaultType } from "../domain/external-vault/vault-connection.ts";
import type { Sql } from "./database.ts";

/** Returns connections by secret, for secrets whose value is a reference. */
export async function findSecretConnections(
  sql: Sql,
  workspaceId: string,
  secretIds: readonly string[],
): Promise<Map<string, SecretConnection>> {
  const rows = await sql.query<{ secret_id: string; vault_connection_id: string; name: string; vault_type: VaultType }>(
    {
      name: "find_secret_connections",
      text: `select s.secret_id, c.vault_connection_id, c.name, c.vault_type
      from secret s
      join secret_version v on v.workspace_id = s.workspace_id and v.secret_id = s.secret_id
        and v.version_number = s.current_version
      join vault_connection c on c.workspace_id = v.workspace_id and c.vault_connection_id = v.vault_connection_id
      where s.workspace_id = $1 and s.secret_id = any ($2)`,
      values: [workspaceId, secretIds],
    },
  );
  return new Map(
    rows.map((row) => [
      row.secret_id,
      { vaultConnectionId: row.vault_connection_id, name: row.name, vaultType: row.vault_type },
    ]),
  );
}
