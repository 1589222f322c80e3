// What all changes of a connection have in common: locked, as the caller has seen it, authentic, and under a new MAC afterwards.

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
  // A new MAC must not vouch for what somebody has changed behind coffer's back.
  checkAuthentic(deploymentKeys, coveredOfVaultConnection(connection), connection.mac);
  return connection;
}

/** With `isVerified` its vault has just taken its credentials. */
export async function writeConnection(
  { deploymentKeys }: ChangeDeps,
  tx: Tx,
  next: StoredVaultConnection,
  isVerified: boolean,
): Promise<VaultConnection> {
  const mac = macOf(deploymentKeys, coveredOfVaultConnection(next));
  return updateVaultConnection(tx, { ...next, mac }, isVerified);
}
