// Key versions as they are made: random material, wrapped by the root key, stored.
import type { Deps } from "../../deps.ts";
import type { KmsKey } from "../../domain/kms-key.ts";
import { newKeyVersion, wrapKeyVersion } from "../../envelope/key-version.ts";
import type { Tx } from "../../store/database.ts";
import { insertKmsKeyVersion } from "../../store/kms-keys.ts";
import { knownAlgorithm } from "./key-material.ts";

export type NewVersionDeps = Pick<Deps, "random" | "keyring" | "deploymentId">;

/** Makes and stores the material of the key's primary version. */
export async function createPrimaryVersion(
  { keyring, deploymentId, random }: NewVersionDeps,
  tx: Tx,
  key: Pick<KmsKey, "workspaceId" | "kmsKeyId" | "algorithm" | "primaryVersion">,
): Promise<void> {
  const { workspaceId, kmsKeyId, primaryVersion: version } = key;
  const keyVersion = newKeyVersion({ kmsKeyId, version, algorithm: knownAlgorithm(key.algorithm) }, random);
  const wrapped = wrapKeyVersion(keyring, { deploymentId, workspaceId }, keyVersion, random);
  keyVersion.key.zero();
  await insertKmsKeyVersion(tx, { workspaceId, kmsKeyId, version, ...wrapped });
}
