// KMS key versions in memory: unwrapped once, then found by id.
import type { KmsKey } from "../../domain/kms-key.ts";
import { type Algorithm, isAlgorithm } from "../../envelope/algorithms.ts";
import { valueCorrupt } from "../../envelope/corrupt.ts";
import { type KeyVersion, unwrapKeyVersion } from "../../envelope/key-version.ts";
import type { Keyring } from "../../envelope/keyring.ts";
import type { Sql } from "../../store/database.ts";
import { findKmsKeyVersion } from "../../store/kms-keys.ts";

/** The unwrapped key versions of all workspaces. Their material never changes; whether one may be used is judged elsewhere. */
export interface KeyMaterial {
  get(key: Pick<KmsKey, "workspaceId" | "kmsKeyId" | "algorithm">, version: number): Promise<KeyVersion>;
  /** Whether any version of a key is in memory. */
  has(kmsKeyId: string): boolean;
  /** Lets go of all versions of a key, once that is destroyed. */
  drop(kmsKeyId: string): void;
  /** Lets go of everything, since a destruction may have been missed, and keeps what is asked for from now on. */
  keepFromNow(): void;
  /** Lets go of everything and keeps nothing, as long as no destruction would be heard of. */
  keepNothing(): void;
}

interface KeyMaterialDeps {
  database: Sql;
  keyring: Keyring;
  deploymentId: string;
}

const versionsKeptMax = 10_000;

export function createKeyMaterial(deps: KeyMaterialDeps): KeyMaterial {
  const kept = new Map<string, KeyVersion>();
  // What was asked for before a destruction must not be kept after it.
  let drops = 0;
  let keeps = true;
  const clear = () => {
    drops++;
    kept.clear();
  };
  return {
    async get(key, version) {
      const name = `${key.workspaceId} ${key.kmsKeyId} ${version} ${key.algorithm}`;
      const found = kept.get(name);
      if (found) return found;
      const dropsBefore = drops;
      const loaded = await loadKeyVersion(deps, key, version);
      if (!keeps || drops !== dropsBefore) return loaded;
      // The oldest one goes: a Map keeps the order of insertion.
      if (kept.size >= versionsKeptMax) kept.delete(kept.keys().next().value as string);
      kept.set(name, loaded);
      return loaded;
    },
    has: (kmsKeyId) => [...kept.values()].some((version) => version.kmsKeyId === kmsKeyId),
    // Nothing is overwritten: who got a key before may still be at work with it.
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

/** Reads and unwraps a version, past what is in memory. VALUE_CORRUPT when it is gone or does not authenticate. */
export async function loadKeyVersion(
  { database, keyring, deploymentId }: KeyMaterialDeps,
  { workspaceId, kmsKeyId, algorithm }: Pick<KmsKey, "workspaceId" | "kmsKeyId" | "algorithm">,
  version: number,
): Promise<KeyVersion> {
  const wrapped = await findKmsKeyVersion(database, workspaceId, kmsKeyId, version);
  if (!wrapped) throw valueCorrupt(new Error(`version ${version} of key ${kmsKeyId} is gone`));
  const name = { kmsKeyId, version, algorithm: knownAlgorithm(algorithm) };
  return unwrapKeyVersion(keyring, { deploymentId, workspaceId }, name, wrapped);
}

/** VALUE_CORRUPT for others. */
export function knownAlgorithm(algorithm: string): Algorithm {
  if (isAlgorithm(algorithm)) return algorithm;
  throw valueCorrupt(new Error("a key has an algorithm that is not known"));
}
