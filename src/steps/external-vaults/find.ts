// Finds vault connections. A missing one is an error.
import { vaultConnectionNotFound } from "../../domain/external-vault/vault-connection.ts";
import type { Sql } from "../../store/database.ts";
import type { StoredVaultConnection } from "../../store/rows/vault-connection.ts";
import { findVaultConnection } from "../../store/vault-connections.ts";

export async function findConnectionOrFail(
  sql: Sql,
  workspaceId: string,
  vaultConnectionId: string,
): Promise<StoredVaultConnection> {
  const connection = await findVaultConnection(sql, workspaceId, vaultConnectionId);
  if (!connection) throw vaultConnectionNotFound(vaultConnectionId);
  return connection;
}
