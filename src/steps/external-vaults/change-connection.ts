// The common part of all changes of a connection: lock the row, check the etag, verify the MAC, write a new MAC.

import { type VaultConnection, vaultConnectionNotFound } from "../../domain/external-vault/vault-connection.ts";
import { checkEtag } from "../../domain/secret/secret.ts";
import { checkAuthentic, coveredOfVaultConnection, macOf } from "../../integrity/row-macs.ts";
import type { Deps } from "../../runtime/deps.ts";
import type { Tx } from "../../store/database.ts";
import type { StoredVaultConnection } from "../../store/rows/vault-connection.ts";
import { lockVaultConnection, updateVaultConnection } from "../../store/vault-connections.ts";

export interface ConnectionTarget {
  vaultConnectionId: string;
  etag: string | undefined;
}

type ChangeDeps = Pick<Deps, "deploymentKeys">;

/** Fails with VAULT_CONNECTION_NOT_FOUND, ETAG_MISMATCH or VALUE_CORRUPT. */
export async function lockConnectionOrFail(
  { deploymentKeys }: ChangeDeps,
  tx: Tx,
  workspaceId: string,
  { vaultConnectionId, etag }: ConnectionTarget,
): Promise<StoredVaultConnection> {
  const connection = await lockVaultConnection(tx, workspaceId, vaultConnectionId);
  if (!connection) throw vaultConnectionNotFound(vaultConnectionId);
  checkEtag(connection, etag);
  // A new MAC must not make a row valid that SQL has changed.
  checkAuthentic(deploymentKeys, coveredOfVaultConnection(connection), connection.mac);
  return connection;
}

/** `isVerified`: the vault has just accepted the credentials. */
export async function writeConnection(
  { deploymentKeys }: ChangeDeps,
  tx: Tx,
  next: StoredVaultConnection,
  isVerified: boolean,
): Promise<VaultConnection> {
  const mac = macOf(deploymentKeys, coveredOfVaultConnection(next));
  return updateVaultConnection(tx, { ...next, mac }, isVerified);
}
