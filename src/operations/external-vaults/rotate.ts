// RotateVaultConnection: replaces the credentials after the vault has accepted the new ones.

import { CofferError } from "../../domain/error/errors.ts";
import type { VaultConnection } from "../../domain/external-vault/vault-connection.ts";
import { checkVaultCredentials } from "../../domain/external-vault/vault-fields.ts";
import { checkEtag } from "../../domain/secret/secret.ts";
import { Sensitive } from "../../domain/sensitive.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import { checkAuthentic, coveredOfVaultConnection } from "../../integrity/row-macs.ts";
import type { Deps } from "../../runtime/deps.ts";
import { authorize } from "../../steps/authorize.ts";
import {
  type ConnectionTarget,
  lockConnectionOrFail,
  writeConnection,
} from "../../steps/external-vaults/change-connection.ts";
import { findConnectionOrFail } from "../../steps/external-vaults/find.ts";
import { sealCredentials } from "../../steps/external-vaults/seal-credentials.ts";
import { checkFailed } from "../../steps/external-vaults/vault-errors.ts";
import { type SealingKeyDeps, sealingKey } from "../../steps/keys/sealing-key.ts";
import { type MutationDeps, type MutationResult, mutate } from "../../steps/mutation.ts";
import { reportCorrupt } from "../../steps/secrets/report-corrupt.ts";

export interface RotateConnectionInput extends ConnectionTarget {
  credentials: Readonly<Record<string, string>>;
}

type RotateDeps = MutationDeps & SealingKeyDeps & Pick<Deps, "regions" | "externalVaults" | "audit">;

/** Fails with VAULT_CONNECTION_NOT_FOUND, ETAG_MISMATCH, CONCURRENT_CHANGE, KEY_NOT_ACTIVE, VALUE_CORRUPT or as `checkFailed` says. */
export async function rotateVaultConnection(
  deps: RotateDeps,
  caller: Caller,
  input: RotateConnectionInput,
): Promise<MutationResult<VaultConnection>> {
  const grant = authorize(caller, "vaults.rotate");
  const { workspaceId } = grant;
  const { vaultConnectionId } = input;
  const subject = { resourceType: "vault_connection", resourceId: vaultConnectionId } as const;
  return mutate(deps, caller, {
    grant,
    async prepare() {
      const connection = await findConnectionOrFail(deps.database, workspaceId, vaultConnectionId);
      checkEtag(connection, input.etag);
      // Verify the row before anything is sent to the address in it.
      checkAuthentic(deps.deploymentKeys, coveredOfVaultConnection(connection), connection.mac);
      const credentials = checkVaultCredentials(connection, input.credentials);
      const keyVersion = await sealingKey(deps, workspaceId, { region: deps.regions[0] });
      const failure = await deps.externalVaults.check({ ...connection, credentials: asSensitive(credentials) });
      if (failure) throw checkFailed(connection, failure);
      const credentialsVersion = connection.credentialsVersion + 1;
      const sealed = sealCredentials(deps, { ...connection, credentialsVersion }, keyVersion, credentials);
      return { subject, next: { credentialsVersion, ...sealed } };
    },
    async apply(tx, { next }): Promise<VaultConnection> {
      const connection = await lockConnectionOrFail(deps, tx, workspaceId, input);
      if (connection.credentialsVersion + 1 !== next.credentialsVersion) throw rotatedMeanwhile(connection);
      return writeConnection(deps, tx, { ...connection, ...next }, true);
    },
    replay: (sql, id): Promise<VaultConnection> => findConnectionOrFail(sql, workspaceId, id),
  }).catch((error: unknown) => reportCorrupt(deps, caller, grant, subject, error));
}

function asSensitive(credentials: Readonly<Record<string, string>>): ReadonlyMap<string, Sensitive> {
  const entries = Object.entries(credentials);
  return new Map(entries.map(([name, text]) => [name, new Sensitive(Buffer.from(text, "utf8"))]));
}

function rotatedMeanwhile({ vaultConnectionId }: VaultConnection): CofferError {
  const message = "other credentials have replaced the old ones meanwhile";
  return new CofferError("CONCURRENT_CHANGE", message, { id: vaultConnectionId }, { retryDelayMs: 1_000 });
}
