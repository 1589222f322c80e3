// Vault connections: found, locked, listed, inserted, changed and deleted.
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

/** Who has the name, if anyone. */
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

/** Holds the row until the transaction ends. */
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

/** Keeps the connection from being deleted until the transaction ends; false: there is none. */
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

/** By id: the next `limit` after `afterId`. */
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

/** Undefined, with nothing written, when the name is taken. */
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
 * Writes what may change of a connection, and counts the change; a taken name violates `vault_connection_name`. With `isVerified`
 * its vault has just taken its credentials.
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

/** Notes that the vault has just taken these credentials, unless the connection has others by now. No change: its etag stays. */
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
