// CreateVaultConnection: creates a connection with sealed credentials. The vault is not called.

import { checkAll } from "../../domain/error/errors.ts";
import { checkBaseUrl } from "../../domain/external-vault/base-url.ts";
import type { VaultConnection, VaultType } from "../../domain/external-vault/vault-connection.ts";
import { checkVaultConfig, checkVaultCredentials } from "../../domain/external-vault/vault-fields.ts";
import { newId } from "../../domain/ids.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import { coveredOfVaultConnection, macOf } from "../../integrity/row-macs.ts";
import type { Deps } from "../../runtime/deps.ts";
import { authorize } from "../../steps/authorize.ts";
import { findConnectionOrFail } from "../../steps/external-vaults/find.ts";
import { connectionNameTaken } from "../../steps/external-vaults/name-taken.ts";
import { sealCredentials } from "../../steps/external-vaults/seal-credentials.ts";
import { type SealingKeyDeps, sealingKey } from "../../steps/keys/sealing-key.ts";
import { type MutationDeps, type MutationResult, mutate } from "../../steps/mutation.ts";
import { checkQuota } from "../../steps/workspaces/check-quota.ts";
import { insertVaultConnection } from "../../store/vault-connections.ts";

/** Empty fields of config and credentials count as omitted. */
export interface CreateConnectionInput {
  name: string;
  description: string;
  vaultType: VaultType;
  /** Empty: the vendor's service. */
  baseUrl: string;
  config: Readonly<Record<string, string>>;
  credentials: Readonly<Record<string, string>>;
}

export type CreateConnectionDeps = MutationDeps & SealingKeyDeps & Pick<Deps, "regions" | "externalVaults">;

/** Fails with VAULT_CONNECTION_NAME_TAKEN, QUOTA_EXCEEDED, KEY_NOT_ACTIVE or FIELD_INVALID. */
export async function createVaultConnection(
  deps: CreateConnectionDeps,
  caller: Caller,
  input: CreateConnectionInput,
): Promise<MutationResult<VaultConnection>> {
  const grant = authorize(caller, "vaults.create");
  const { workspaceId } = grant;
  const { isHttpAllowed } = deps.externalVaults;
  checkAll(
    () => checkBaseUrl(input.baseUrl, isHttpAllowed, "base_url"),
    () => checkVaultConfig(input, input.config),
    () => checkVaultCredentials(input, input.credentials),
  );
  const connection = {
    ...{ workspaceId, vaultConnectionId: newId("vc", deps.now(), deps.random), credentialsVersion: 1 },
    ...{ name: input.name, description: input.description, vaultType: input.vaultType },
    baseUrl: checkBaseUrl(input.baseUrl, isHttpAllowed, "base_url"),
    config: checkVaultConfig(input, input.config),
    createdBy: caller.principalId,
  };
  return mutate(deps, caller, {
    grant,
    async prepare() {
      const keyVersion = await sealingKey(deps, workspaceId, { region: deps.regions[0] });
      const sealed = sealCredentials(deps, connection, keyVersion, checkVaultCredentials(input, input.credentials));
      const row = { ...connection, ...sealed };
      return {
        subject: { resourceType: "vault_connection", resourceId: connection.vaultConnectionId },
        row: { ...row, mac: macOf(deps.deploymentKeys, coveredOfVaultConnection(row)) },
      };
    },
    async apply(tx, { row }): Promise<VaultConnection> {
      await checkQuota(tx, workspaceId, "vault connections");
      const created = await insertVaultConnection(tx, row);
      if (!created) throw await connectionNameTaken(tx, caller, row);
      return created;
    },
    replay: (sql, id) => findConnectionOrFail(sql, workspaceId, id),
  });
}
