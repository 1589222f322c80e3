// Keeps unwrapped KMS key versions in memory.

import { BoundedMap } from "../domain/bounded-map.ts";
import type { KmsKey } from "../domain/key/kms-key.ts";
import { type Algorithm, isAlgorithm, isKeyAlgorithm, type KeyAlgorithm } from "../envelope/algorithms.ts";
import { valueCorrupt } from "../envelope/corrupt.ts";
import { type KeyVersion, unwrapKeyVersion } from "../envelope/key-version.ts";
import type { DeploymentPort, RootKeyPort } from "../ports.ts";
import type { Sql } from "../store/database.ts";
import { findKmsKeyVersion } from "../store/kms-keys.ts";

/** The material of a key version never changes. Callers must check whether it may be used. */
export interface KeyMaterial {
  /** Returns a version that wraps DEKs. Fails with VALUE_CORRUPT for keys of other algorithms. */
  get(key: KeyName, version: number): Promise<KeyVersion>;
  /** Returns a version of any algorithm. */
  getForUse(key: KeyName, version: number): Promise<KeyVersion<KeyAlgorithm>>;
  /** Returns a version that wraps DEKs if it is in memory. */
  getKept(key: KeyName, version: number): KeyVersion | undefined;
  /** Whether any version of a key is in memory. */
  has(kmsKeyId: string): boolean;
  /** Removes all versions of a destroyed key. */
  drop(kmsKeyId: string): void;
  /** Removes everything, because a destruction may have been missed, and keeps versions from now on. */
  keepFromNow(): void;
  /** Removes everything and keeps nothing, because no notification of a destruction would arrive. */
  keepNothing(): void;
}

type KeyName = Pick<KmsKey, "workspaceId" | "kmsKeyId" | "algorithm">;

interface KeyMaterialDeps extends RootKeyPort, Pick<DeploymentPort, "deploymentId"> {
  database: Sql;
}

const versionsKeptMax = 10_000;

export function createKeyMaterial(deps: KeyMaterialDeps): KeyMaterial {
  const kept = new BoundedMap<string, KeyVersion<KeyAlgorithm>>(versionsKeptMax);
  // Material that was asked for before a destruction must not be kept after it.
  let drops = 0;
  let keeps = true;
  const clear = () => {
    drops++;
    kept.clear();
  };
  const getForUse: KeyMaterial["getForUse"] = async (key, version) => {
    const name = nameOf(key, version);
    const found = kept.get(name);
    if (found) return found;
    const dropsBefore = drops;
    const loaded = await loadAnyKeyVersion(deps, key, version);
    if (!keeps || drops !== dropsBefore) return loaded;
    kept.set(name, loaded);
    return loaded;
  };
  return {
    get: async (key, version) => wrapping(await getForUse(key, version)),
    getForUse,
    getKept(key, version) {
      const found = kept.get(nameOf(key, version));
      return found && wrapping(found);
    },
    has: (kmsKeyId) => [...kept.values()].some((version) => version.kmsKeyId === kmsKeyId),
    // Dropped and evicted material is not overwritten: a call may still use it.
    drop(kmsKeyId) {
      drops++;
      for (const [name, version] of kept) if (version.kmsKeyId === kmsKeyId) kept.delete(name);
    },
    keepFromNow() {
      keeps = true;
      clear();
    },
    keepNothing() {
      keeps = false;
      clear();
    },
  };
}

function nameOf({ workspaceId, kmsKeyId, algorithm }: KeyName, version: number): string {
  return `${workspaceId} ${kmsKeyId} ${version} ${algorithm}`;
}

/** Reads and unwraps a version that wraps DEKs without the memory. Fails as `loadAnyKeyVersion` does. */
export async function loadKeyVersion(deps: KeyMaterialDeps, key: KeyName, version: number): Promise<KeyVersion> {
  return wrapping(await loadAnyKeyVersion(deps, key, version));
}

/** Fails with VALUE_CORRUPT when the version is missing or does not authenticate. */
async function loadAnyKeyVersion(
  { database, keyring, deploymentId }: KeyMaterialDeps,
  { workspaceId, kmsKeyId, algorithm }: KeyName,
  version: number,
): Promise<KeyVersion<KeyAlgorithm>> {
  const wrapped = await findKmsKeyVersion(database, workspaceId, kmsKeyId, version);
  if (!wrapped) throw valueCorrupt(new Error(`version ${version} of key ${kmsKeyId} is missing`));
  const name = { kmsKeyId, version, algorithm: knownAlgorithm(algorithm) };
  return unwrapKeyVersion(keyring, { deploymentId, workspaceId }, name, wrapped);
}

function wrapping(version: KeyVersion<KeyAlgorithm>): KeyVersion {
  if (isWrapping(version)) return version;
  throw valueCorrupt(new Error("the algorithm of a key that wraps a secret cannot wrap"));
}

function isWrapping(version: KeyVersion<KeyAlgorithm>): version is KeyVersion<Algorithm> {
  return isAlgorithm(version.algorithm);
}

/** Fails with VALUE_CORRUPT for an unknown algorithm. */
export function knownAlgorithm(algorithm: string): KeyAlgorithm {
  if (isKeyAlgorithm(algorithm)) return algorithm;
  throw valueCorrupt(new Error("the algorithm of a key is not known"));
}

/** Whether the key may wrap secrets. Other keys are for the data of callers. */
export function wrapsSecrets({ algorithm }: Pick<KmsKey, "algorithm">): boolean {
  return isAlgorithm(algorithm);
}
