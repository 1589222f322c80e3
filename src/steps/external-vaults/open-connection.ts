// Opens the credentials of a connection, after checking that the row is authentic and the key active.

import { checkKeyActive } from "../../domain/key/kms-key.ts";
import { valueCorrupt } from "../../envelope/corrupt.ts";
import type { OpenConnection } from "../../external-vault/vault.ts";
import { checkAuthentic, coveredOfKmsKey, coveredOfVaultConnection } from "../../integrity/row-macs.ts";
import type { Deps } from "../../runtime/deps.ts";
import { findKmsKey } from "../../store/kms-keys.ts";
import type { StoredVaultConnection } from "../../store/rows/vault-connection.ts";
import { openCredentials } from "./seal-credentials.ts";

export type OpenConnectionDeps = Pick<Deps, "database" | "deploymentKeys" | "deploymentId" | "keyMaterial">;

/** Fails with KEY_NOT_ACTIVE or VALUE_CORRUPT. */
export async function openConnection(
  deps: OpenConnectionDeps,
  connection: StoredVaultConnection,
): Promise<OpenConnection> {
  const { workspaceId, kmsKeyId, kmsKeyVersion } = connection;
  checkAuthentic(deps.deploymentKeys, coveredOfVaultConnection(connection), connection.mac);
  const key = await findKmsKey(deps.database, workspaceId, { kmsKeyId });
  if (!key) throw valueCorrupt();
  checkAuthentic(deps.deploymentKeys, coveredOfKmsKey(key), key.mac);
  checkKeyActive(key);
  const keyVersion = await deps.keyMaterial.get(key, kmsKeyVersion);
  return { ...connection, credentials: openCredentials(deps, connection, keyVersion) };
}
