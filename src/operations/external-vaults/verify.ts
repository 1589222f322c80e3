// VerifyVaultConnection: whether the vault takes the connection's credentials, now.
import type { Deps } from "../../deps.ts";
import type { Caller } from "../../domain/caller.ts";
import type { VaultConnection } from "../../domain/external-vault/vault-connection.ts";
import { noteVerified } from "../../store/vault-connections.ts";
import { auditEvent } from "../audit-trail.ts";
import { authorize } from "../authorize.ts";
import { type MutationDeps, mutate, type Outcome } from "../mutation.ts";
import { reportCorrupt } from "../secrets/report-corrupt.ts";
import { findConnectionOrFail } from "./find.ts";
import { type OpenConnectionDeps, openConnection } from "./open-connection.ts";
import { checkFailed } from "./vault-errors.ts";

type VerifyDeps = MutationDeps & OpenConnectionDeps & Pick<Deps, "externalVaults" | "audit">;

/** Fails with VAULT_CONNECTION_NOT_FOUND, KEY_NOT_ACTIVE, VALUE_CORRUPT, AUDIT_UNAVAILABLE or as `checkFailed` says. */
export async function verifyVaultConnection(
  deps: VerifyDeps,
  caller: Caller,
  vaultConnectionId: string,
): Promise<Outcome<VaultConnection>> {
  const grant = authorize(caller, "vaults.verify");
  const { workspaceId, rule } = grant;
  const subject = { resourceType: "vault_connection", resourceId: vaultConnectionId } as const;
  return mutate(deps, caller, {
    grant,
    async prepare() {
      const connection = await findConnectionOrFail(deps.database, workspaceId, vaultConnectionId);
      const opened = await openConnection(deps, connection);
      // Durable before the credentials go anywhere.
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
