// GetVaultConnection: a connection without its credentials.
import type { Deps } from "../../deps.ts";
import type { Caller } from "../../domain/caller.ts";
import type { VaultConnection } from "../../domain/external-vault/vault-connection.ts";
import { authorize } from "../authorize.ts";
import { findConnectionOrFail } from "./find.ts";

/** Fails with VAULT_CONNECTION_NOT_FOUND. */
export async function getVaultConnection(
  { database }: Pick<Deps, "database">,
  caller: Caller,
  vaultConnectionId: string,
): Promise<VaultConnection> {
  const { workspaceId } = authorize(caller, "vaults.read");
  return findConnectionOrFail(database, workspaceId, vaultConnectionId);
}
