// VerifyVaultConnection: asks the vault whether it accepts the credentials now.

import type { VaultConnection } from "../../domain/external-vault/vault-connection.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import { auditEvent } from "../../runtime/audit-trail.ts";
import type { Deps } from "../../runtime/deps.ts";
import { authorize } from "../../steps/authorize.ts";
import { findConnectionOrFail } from "../../steps/external-vaults/find.ts";
import { type OpenConnectionDeps, openConnection } from "../../steps/external-vaults/open-connection.ts";
import { checkFailed } from "../../steps/external-vaults/vault-errors.ts";
import { type MutationDeps, type MutationResult, mutate } from "../../steps/mutation.ts";
import { reportCorrupt } from "../../steps/secrets/report-corrupt.ts";
import { noteVerified } from "../../store/vault-connections.ts";

type VerifyDeps = MutationDeps & OpenConnectionDeps & Pick<Deps, "externalVaults" | "audit">;

/** Fails with VAULT_CONNECTION_NOT_FOUND, KEY_NOT_ACTIVE, VALUE_CORRUPT, AUDIT_UNAVAILABLE or as `checkFailed` says. */
export async function verifyVaultConnection(
  deps: VerifyDeps,
  caller: Caller,
  vaultConnectionId: string,
): Promise<MutationResult<VaultConnection>> {
  const grant = authorize(caller, "vaults.verify");
  const { workspaceId, rule } = grant;
  const subject = { resourceType: "vault_connection", resourceId: vaultConnectionId } as const;
  return mutate(deps, caller, {
    grant,
    async prepare() {
      const connection = await findConnectionOrFail(deps.database, workspaceId, vaultConnectionId);
      const opened = await openConnection(deps, connection);
      // The audit event must be durable before the credentials are sent.
      await deps.audit.record(auditEvent(deps, caller, { decision: "ALLOW", rule, result: "OK" }, subject));
      const failure = await deps.externalVaults.check(opened);
      if (failure) throw checkFailed(connection, failure);
      return { subject, connection };
    },
    async apply(tx, { connection }): Promise<VaultConnection> {
      await noteVerified(tx, connection);
      return findConnectionOrFail(tx, workspaceId, vaultConnectionId);
    },
    replay: (sql, id) => findConnectionOrFail(sql, workspaceId, id),
  }).catch((error: unknown) => reportCorrupt(deps, caller, grant, subject, error));
}
