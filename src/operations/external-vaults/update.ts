// UpdateVaultConnection: changes the name and description.

import type { VaultConnection } from "../../domain/external-vault/vault-connection.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import type { Deps } from "../../runtime/deps.ts";
import { authorize } from "../../steps/authorize.ts";
import {
  type ConnectionTarget,
  lockConnectionOrFail,
  writeConnection,
} from "../../steps/external-vaults/change-connection.ts";
import { findConnectionOrFail } from "../../steps/external-vaults/find.ts";
import { connectionNameTaken } from "../../steps/external-vaults/name-taken.ts";
import { type MutationDeps, type MutationResult, mutate } from "../../steps/mutation.ts";
import { isUniqueViolation } from "../../store/connection/database-errors.ts";

export interface UpdateConnectionInput extends ConnectionTarget {
  change: Partial<Pick<VaultConnection, "name" | "description">>;
}

/** Fails with VAULT_CONNECTION_NAME_TAKEN, VAULT_CONNECTION_NOT_FOUND, ETAG_MISMATCH or VALUE_CORRUPT. */
export async function updateVaultConnection(
  deps: MutationDeps & Pick<Deps, "deploymentKeys">,
  caller: Caller,
  input: UpdateConnectionInput,
): Promise<MutationResult<VaultConnection>> {
  const grant = authorize(caller, "vaults.update");
  const { workspaceId } = grant;
  const { change, vaultConnectionId } = input;
  try {
    return await mutate(deps, caller, {
      grant,
      prepare: async () => ({ subject: { resourceType: "vault_connection", resourceId: vaultConnectionId } }),
      async apply(tx): Promise<VaultConnection> {
        const connection = await lockConnectionOrFail(deps, tx, workspaceId, input);
        if (Object.keys(change).length === 0) return connection;
        return writeConnection(deps, tx, { ...connection, ...change }, false);
      },
      replay: (sql, id) => findConnectionOrFail(sql, workspaceId, id),
    });
  } catch (error) {
    const { name } = change;
    if (name === undefined || !isUniqueViolation(error, "vault_connection_name")) throw error;
    throw await connectionNameTaken(deps.database, caller, { workspaceId, name });
  }
}
