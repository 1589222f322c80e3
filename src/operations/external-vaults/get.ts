// GetVaultConnection: returns a connection without its credentials.

import type { VaultConnection } from "../../domain/external-vault/vault-connection.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import type { Deps } from "../../runtime/deps.ts";
import { authorize } from "../../steps/authorize.ts";
import { findConnectionOrFail } from "../../steps/external-vaults/find.ts";

/** Fails with VAULT_CONNECTION_NOT_FOUND. */
export async function getVaultConnection(
  { database }: Pick<Deps, "database">,
  caller: Caller,
  vaultConnectionId: string,
): Promise<VaultConnection> {
  const { workspaceId } = authorize(caller, "vaults.read");
  return findConnectionOrFail(database, workspaceId, vaultConnectionId);
}
