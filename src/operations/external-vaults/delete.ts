// DeleteVaultConnection: deletes a connection permanently. No active secret may refer to it.

import { CofferError } from "../../domain/error/errors.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import type { Deps } from "../../runtime/deps.ts";
import { authorize } from "../../steps/authorize.ts";
import { type ConnectionTarget, lockConnectionOrFail } from "../../steps/external-vaults/change-connection.ts";
import { type MutationDeps, type MutationResult, mutate } from "../../steps/mutation.ts";
import { deleteVaultConnection as removeConnection } from "../../store/vault-connections.ts";
import { findReferringSecretIds } from "../../store/vault-references.ts";

const secretsNamedMax = 20;

/** Fails with VAULT_CONNECTION_NOT_FOUND, VAULT_CONNECTION_IN_USE, ETAG_MISMATCH or VALUE_CORRUPT. */
export async function deleteVaultConnection(
  deps: MutationDeps & Pick<Deps, "deploymentKeys">,
  caller: Caller,
  target: ConnectionTarget,
): Promise<MutationResult<undefined>> {
  const grant = authorize(caller, "vaults.delete");
  const { vaultConnectionId } = target;
  return mutate(deps, caller, {
    grant,
    prepare: async () => ({ subject: { resourceType: "vault_connection", resourceId: vaultConnectionId } }),
    async apply(tx) {
      // Transactions that refer to the connection wait for this lock, or have committed.
      const connection = await lockConnectionOrFail(deps, tx, grant.workspaceId, target);
      const secretIds = await findReferringSecretIds(tx, connection, secretsNamedMax);
      if (secretIds.length > 0) throw inUse(vaultConnectionId, secretIds);
      await removeConnection(tx, connection);
      return undefined;
    },
    // The connection is deleted, whatever has happened since.
    replay: async () => undefined,
  });
}

function inUse(vaultConnectionId: string, secretIds: readonly string[]): CofferError {
  const secrets = secretIds.join(",");
  const message = `secrets refer to this vault connection: ${secretIds.join(", ")}`;
  return new CofferError("VAULT_CONNECTION_IN_USE", message, { vault_connection_id: vaultConnectionId, secrets });
}
