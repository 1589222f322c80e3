// Reads and writes vault connections.
import type { VaultConnection } from "../domain/external-vault/vault-connection.ts";
import { clock } from "./clock.ts";
import { firstOrUndefined, only } from "./connection/single-row.ts";
import type { Sql, Tx } from "./database.ts";
import { type DriverRow, select } from "./rows/select.ts";
import { propertiesBut } from "./rows/table.ts";
import { type StoredVaultConnection, vaultConnectionTable } from "./rows/vault-connection.ts";
import { write } from "./rows/write.ts";

const stored = select(vaultConnectionTable, propertiesBut(vaultConnectionTable));
const inserted = propertiesBut(vaultConnectionTable, "lastVerifiedTime", "revision", "createTime", "updateTime");
const newConnections = write(vaultConnectionTable, inserted);
const updated = write(vaultConnectionTable, [
  ...(["name", "description", "credentialsVersion", "envelope", "kmsKeyId", "kmsKeyVersion", "mac"] as const),
]);

export async function findVaultConnection(
  sql: Sql,
  workspaceId: string,
  vaultConnectionId: string,
): Promise<StoredVaultConnection | undefined> {
  const rows = await sql.query<DriverRow>({
    name: "find_vault_connection",
    text: `select ${stored.sql} from vault_connection c where c.workspace_id = $1 and c.vault_connection_id = $2`,
    values: [workspaceId, vaultConnectionId],
  });
  const row = firstOrUndefined(rows);
  return row && stored.read(row);
}

/** Returns the id of the connection with the name. */
export async function findVaultConnectionIdByName(
  sql: Sql,
  workspaceId: string,
  name: string,
): Promise<string | undefined> {
  const rows = await sql.query<{ vault_connection_id: string }>({
    name: "find_vault_connection_id_by_name",
    text: "select c.vault_connection_id from vault_connection c where c.workspace_id = $1 and c.name = $2",
    values: [workspaceId, name],
  });
  return firstOrUndefined(rows)?.vault_connection_id;
}

/** Locks the row until the transaction ends. */
export async function lockVaultConnection(
  tx: Tx,
  workspaceId: string,
  vaultConnectionId: string,
): Promise<StoredVaultConnection | undefined> {
  const rows = await tx.query<DriverRow>({
    name: "lock_vault_connection",
    text: `select ${stored.sql} from vault_connection c
      where c.workspace_id = $1 and c.vault_connection_id = $2 for update of c`,
    values: [workspaceId, vaultConnectionId],
  });
  const row = firstOrUndefined(rows);
  return row && stored.read(row);
}

/** Locks the connection against deletion until the transaction ends. Returns whether it exists. */
export async function shareLockVaultConnection(
  tx: Tx,
  workspaceId: string,
  vaultConnectionId: string,
): Promise<boolean> {
  const rows = await tx.query({
    name: "share_lock_vault_connection",
    text: "select from vault_connection c where c.workspace_id = $1 and c.vault_connection_id = $2 for key share",
    values: [workspaceId, vaultConnectionId],
  });
  return rows.length > 0;
}

/** Returns the next `limit` connections after `afterId`, by id. */
export async function listVaultConnections(
  sql: Sql,
  workspaceId: string,
  { afterId, limit }: { afterId: string; limit: number },
): Promise<StoredVaultConnection[]> {
  const rows = await sql.query<DriverRow>({
    name: "list_vault_connections",
    text: `select ${stored.sql} from vault_connection c
      where c.workspace_id = $1 and c.vault_connection_id > $2 order by c.vault_connection_id limit $3`,
    values: [workspaceId, afterId, limit],
  });
  return rows.map(stored.read);
}

export type NewVaultConnection = Pick<StoredVaultConnection, (typeof inserted)[number]>;

/** Inserts a connection. Returns undefined, and writes nothing, if the name is taken. */
export async function insertVaultConnection(
  tx: Tx,
  connection: NewVaultConnection,
): Promise<StoredVaultConnection | undefined> {
  const rows = await tx.query<DriverRow>({
    name: "insert_vault_connection",
    text: `${newConnections.insert()} on conflict (workspace_id, name) do nothing returning ${stored.sql}`,
    values: newConnections.values(connection),
  });
  const row = firstOrUndefined(rows);
  return row && stored.read(row);
}

/**
 * Writes the mutable columns of a connection and increments the revision. A taken name violates `vault_connection_name`. `isVerified`:
 * the external vault has just accepted the credentials.
 */
export async function updateVaultConnection(
  tx: Tx,
  connection: StoredVaultConnection,
  isVerified: boolean,
): Promise<StoredVaultConnection> {
  const rows = await tx.query<DriverRow>({
    name: "update_vault_connection",
    text: `update vault_connection c set
        ${updated.assign(4)}, last_verified_time = case when $3 then t.at else c.last_verified_time end,
        revision = c.revision + 1, update_time = t.at
      from ${clock} where c.workspace_id = $1 and c.vault_connection_id = $2 returning ${stored.sql}`,
    values: [connection.workspaceId, connection.vaultConnectionId, isVerified, ...updated.values(connection)],
  });
  return stored.read(only(rows));
}

/** Stores that the external vault has just accepted these credentials, unless the connection has others now. Its etag stays the same. */
export async function noteVerified(
  tx: Tx,
  {
    workspaceId,
    vaultConnectionId,
    credentialsVersion,
  }: Pick<VaultConnection, "workspaceId" | "vaultConnectionId" | "credentialsVersion">,
): Promise<void> {
  await tx.query({
    name: "note_vault_connection_verified",
    text: `update vault_connection c set last_verified_time = clock_timestamp()
      where c.workspace_id = $1 and c.vault_connection_id = $2 and c.credentials_version = $3`,
    values: [workspaceId, vaultConnectionId, credentialsVersion],
  });
}

export async function deleteVaultConnection(
  tx: Tx,
  { workspaceId, vaultConnectionId }: Pick<VaultConnection, "workspaceId" | "vaultConnectionId">,
): Promise<void> {
  await tx.query({
    name: "delete_vault_connection",
    text: "delete from vault_connection where workspace_id = $1 and vault_connection_id = $2",
    values: [workspaceId, vaultConnectionId],
  });
}
