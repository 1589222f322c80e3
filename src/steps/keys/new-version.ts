// Creates key versions: generates the material, wraps it with the root key and stores it.

import type { KmsKey } from "../../domain/key/kms-key.ts";
import type { Sensitive } from "../../domain/sensitive.ts";
import { type KeyAlgorithm, keyAlgorithms } from "../../envelope/algorithms.ts";
import { wrapKeyVersion } from "../../envelope/key-version.ts";
import { isSlowToMake, newMaterial } from "../../envelope/new-material.ts";
import type { Deps } from "../../runtime/deps.ts";
import { knownAlgorithm } from "../../runtime/key-material.ts";
import type { Tx } from "../../store/database.ts";
import { insertKmsKeyVersion } from "../../store/kms-keys.ts";

export type NewVersionDeps = Pick<Deps, "random" | "keyring" | "deploymentId">;

type VersionOwner = Pick<KmsKey, "workspaceId" | "kmsKeyId" | "algorithm" | "primaryVersion">;

/** Generates and stores the material of the key's primary version. RSA keys take seconds. */
export async function createPrimaryVersion(deps: NewVersionDeps, tx: Tx, key: VersionOwner): Promise<void> {
  using material = await materialFor(deps, key);
  await storePrimaryVersion(deps, tx, key, material);
}

/** Algorithms whose material takes seconds to generate: too long for a transaction that holds locks. */
export const slowAlgorithms: readonly KeyAlgorithm[] = keyAlgorithms.filter(isSlowToMake);

/** Returns new material. The caller zeroes it. */
export function materialFor(
  { random }: Pick<Deps, "random">,
  { algorithm }: Pick<KmsKey, "algorithm">,
): Promise<Sensitive> {
  return newMaterial(knownAlgorithm(algorithm), random);
}

/** Stores the material of the key's primary version. The caller zeroes it. */
export async function storePrimaryVersion(
  { keyring, deploymentId, random }: NewVersionDeps,
  tx: Tx,
  { workspaceId, kmsKeyId, algorithm, primaryVersion: version }: VersionOwner,
  material: Sensitive,
): Promise<void> {
  const keyVersion = { kmsKeyId, version, algorithm: knownAlgorithm(algorithm), key: material };
  const wrapped = wrapKeyVersion(keyring, { deploymentId, workspaceId }, keyVersion, random);
  await insertKmsKeyVersion(tx, { workspaceId, kmsKeyId, version, ...wrapped });
}
