// KMS key versions in memory: unwrapped once, then found by id.
import { BoundedMap } from "../domain/bounded-map.ts";
import type { KmsKey } from "../domain/key/kms-key.ts";
import { type Algorithm, isAlgorithm, isKeyAlgorithm, type KeyAlgorithm } from "../envelope/algorithms.ts";
import { valueCorrupt } from "../envelope/corrupt.ts";
import { type KeyVersion, unwrapKeyVersion } from "../envelope/key-version.ts";
import type { Keyring } from "../envelope/keyring.ts";
import type { Sql } from "../store/database.ts";
import { findKmsKeyVersion } from "../store/kms-keys.ts";

/** The unwrapped key versions of all workspaces. Their material never changes; whether one may be used is judged elsewhere. */
export interface KeyMaterial {
  /** A version that wraps DEKs. Fails with VALUE_CORRUPT for keys of other algorithms. */
  get(key: KeyName, version: number): Promise<KeyVersion>;
  /** A version of any algorithm. */
  getForUse(key: KeyName, version: number): Promise<KeyVersion<KeyAlgorithm>>;
  /** Whether any version of a key is in memory. */
  has(kmsKeyId: string): boolean;
  /** Lets go of all versions of a key, once that is destroyed. */
  drop(kmsKeyId: string): void;
  /** Lets go of everything, since a destruction may have been missed, and keeps what is asked for from now on. */
  keepFromNow(): void;
  /** Lets go of everything and keeps nothing, as long as no destruction would be heard of. */
  keepNothing(): void;
}

type KeyName = Pick<KmsKey, "workspaceId" | "kmsKeyId" | "algorithm">;

interface KeyMaterialDeps {
  database: Sql;
  keyring: Keyring;
  deploymentId: string;
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
    const name = `${key.workspaceId} ${key.kmsKeyId} ${version} ${key.algorithm}`;
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

/** Reads and unwraps a version that wraps DEKs, past what is in memory. Fails as `loadAnyKeyVersion` does. */
export async function loadKeyVersion(deps: KeyMaterialDeps, key: KeyName, version: number): Promise<KeyVersion> {
  return wrapping(await loadAnyKeyVersion(deps, key, version));
}

/** VALUE_CORRUPT when the version is gone or does not authenticate. */
async function loadAnyKeyVersion(
  { database, keyring, deploymentId }: KeyMaterialDeps,
  { workspaceId, kmsKeyId, algorithm }: KeyName,
  version: number,
): Promise<KeyVersion<KeyAlgorithm>> {
  const wrapped = await findKmsKeyVersion(database, workspaceId, kmsKeyId, version);
  if (!wrapped) throw valueCorrupt(new Error(`version ${version} of key ${kmsKeyId} is gone`));
  const name = { kmsKeyId, version, algorithm: knownAlgorithm(algorithm) };
  return unwrapKeyVersion(keyring, { deploymentId, workspaceId }, name, wrapped);
}

function wrapping(version: KeyVersion<KeyAlgorithm>): KeyVersion {
  if (isWrapping(version)) return version;
  throw valueCorrupt(new Error("a key that wraps a secret has an algorithm that cannot"));
}

function isWrapping(version: KeyVersion<KeyAlgorithm>): version is KeyVersion<Algorithm> {
  return isAlgorithm(version.algorithm);
}

/** VALUE_CORRUPT for others. */
export function knownAlgorithm(algorithm: string): KeyAlgorithm {
  if (isKeyAlgorithm(algorithm)) return algorithm;
  throw valueCorrupt(new Error("a key has an algorithm that is not known"));
}

/** Whether it may wrap secrets; all others are only for what callers do with them. */
export function wrapsSecrets({ algorithm }: Pick<KmsKey, "algorithm">): boolean {
  return isAlgorithm(algorithm);
}
