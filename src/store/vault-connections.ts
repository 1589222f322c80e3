// Vault connections: found, locked, listed, inserted, changed and deleted.
import type { VaultConnection, VaultType } from "../domain/external-vault/vault-connection.ts";
import { firstOrUndefined, only } from "./connection/single-row.ts";
import type { Sql, Tx } from "./database.ts";
import { clock } from "./rows.ts";

/** A connection as stored, with its sealed credentials; its mac covers where they are sent. */
export interface StoredVaultConnection extends VaultConnection {
  envelope: Uint8Array;
  kmsKeyId: string;
  kmsKeyVersion: number;
  mac: Uint8Array;
}

const columns = `
  c.workspace_id, c.vault_connection_id, c.name, c.description, c.vault_type, c.base_url, c.config, c.credentials_version,
  c.envelope, c.kms_key_id, c.kms_key_version, c.last_verified_time, c.revision, c.created_by, c.create_time, c.update_time, c.mac`;

interface ConnectionRow {
  workspace_id: string;
  vault_connection_id: string;
  name: string;
  description: string;
  vault_type: VaultType;
  base_url: string;
  config: Record<string, string>;
  credentials_version: number;
  envelope: Uint8Array;
  kms_key_id: string;
  kms_key_version: number;
  last_verified_time: Date | null;
  revision: number;
  created_by: string;
  create_time: Date;
  update_time: Date;
  mac: Uint8Array;
}

function toConnection(row: ConnectionRow): StoredVaultConnection {
  return {
    workspaceId: row.workspace_id,
    vaultConnectionId: row.vault_connection_id,
    name: row.name,
    description: row.description,
    vaultType: row.vault_type,
    baseUrl: row.base_url,
    config: row.config,
    credentialsVersion: row.credentials_version,
    envelope: row.envelope,
    kmsKeyId: row.kms_key_id,
    kmsKeyVersion: row.kms_key_version,
    lastVerifiedTime: row.last_verified_time ?? undefined,
    revision: row.revision,
    createdBy: row.created_by,
    createTime: row.create_time,
    updateTime: row.update_time,
    mac: row.mac,
  };
}

export async function findVaultConnection(
  sql: Sql,
  workspaceId: string,
  vaultConnectionId: string,
): Promise<StoredVaultConnection | undefined> {
  const rows = await sql.query<ConnectionRow>({
    name: "find_vault_connection",
    text: `select ${columns} from vault_connection c where c.workspace_id = $1 and c.vault_connection_id = $2`,
    values: [workspaceId, vaultConnectionId],
  });
  const row = firstOrUndefined(rows);
  return row && toConnection(row);
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
  const rows = await tx.query<ConnectionRow>({
    name: "lock_vault_connection",
    text: `select ${columns} from vault_connection c
      where c.workspace_id = $1 and c.vault_connection_id = $2 for update of c`,
    values: [workspaceId, vaultConnectionId],
  });
  const row = firstOrUndefined(rows);
  return row && toConnection(row);
}

/** Keeps the connection from being deleted until the transaction ends; false: there is none. */
export async function keepVaultConnection(tx: Tx, workspaceId: string, vaultConnectionId: string): Promise<boolean> {
  const rows = await tx.query({
    name: "keep_vault_connection",
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
  const rows = await sql.query<ConnectionRow>({
    name: "list_vault_connections",
    text: `select ${columns} from vault_connection c
      where c.workspace_id = $1 and c.vault_connection_id > $2 order by c.vault_connection_id limit $3`,
    values: [workspaceId, afterId, limit],
  });
  return rows.map(toConnection);
}

export type NewVaultConnection = Omit<
  StoredVaultConnection,
  "lastVerifiedTime" | "revision" | "createTime" | "updateTime"
>;

/** Undefined, with nothing written, when the name is taken. */
export async function insertVaultConnection(
  tx: Tx,
  connection: NewVaultConnection,
): Promise<StoredVaultConnection | undefined> {
  const rows = await tx.query<ConnectionRow>({
    name: "insert_vault_connection",
    text: `insert into vault_connection as c (
        workspace_id, vault_connection_id, name, description, vault_type, base_url, config, credentials_version, envelope,
        kms_key_id, kms_key_version, created_by, mac)
      values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
      on conflict (workspace_id, name) do nothing returning ${columns}`,
    values: [
      ...[connection.workspaceId, connection.vaultConnectionId, connection.name, connection.description],
      ...[connection.vaultType, connection.baseUrl, JSON.stringify(connection.config), connection.credentialsVersion],
      ...[connection.envelope, connection.kmsKeyId, connection.kmsKeyVersion, connection.createdBy, connection.mac],
    ],
  });
  const row = firstOrUndefined(rows);
  return row && toConnection(row);
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
  const rows = await tx.query<ConnectionRow>({
    name: "update_vault_connection",
    text: `update vault_connection c set
        name = $3, description = $4, credentials_version = $5, envelope = $6, kms_key_id = $7, kms_key_version = $8, mac = $9,
        last_verified_time = case when $10 then t.at else c.last_verified_time end,
        revision = c.revision + 1, update_time = t.at
      from ${clock} where c.workspace_id = $1 and c.vault_connection_id = $2 returning ${columns}`,
    values: [
      ...[connection.workspaceId, connection.vaultConnectionId, connection.name, connection.description],
      ...[connection.credentialsVersion, connection.envelope, connection.kmsKeyId, connection.kmsKeyVersion],
      ...[connection.mac, isVerified],
    ],
  });
  return toConnection(only(rows));
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
