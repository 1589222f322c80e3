// KMS key versions: the keys that wrap DEKs, themselves wrapped by a root key.
import type { RandomBytes } from "../domain/random.ts";
import { Sensitive } from "../domain/sensitive.ts";
import { type KeyVersionName, keyVersionAad } from "./aad.ts";
import { algorithmSpec } from "./algorithms.ts";
import { valueCorrupt } from "./corrupt.ts";
import type { Keyring } from "./keyring.ts";
import { type RootWrapped, unwrapWithRoot, wrapWithRoot } from "./root-wrap.ts";

export interface KeyVersion extends KeyVersionName {
  key: Sensitive;
}

/** Whose key it is. */
export interface KeyOwner {
  deploymentId: string;
  workspaceId: string;
}

/** A new random key with this name. */
export function newKeyVersion(name: KeyVersionName, random: RandomBytes): KeyVersion {
  return { ...name, key: new Sensitive(random(algorithmSpec(name.algorithm).keySizeBytes)) };
}

export function wrapKeyVersion(
  keyring: Keyring,
  owner: KeyOwner,
  keyVersion: KeyVersion,
  random: RandomBytes,
): RootWrapped {
  return wrapWithRoot(keyring, keyVersionAad(owner, keyVersion), keyVersion.key, random);
}

/** VALUE_CORRUPT unless it was wrapped for this owner and under this name, by a root key that the keyring holds. */
export function unwrapKeyVersion(
  keyring: Keyring,
  owner: KeyOwner,
  name: KeyVersionName,
  stored: RootWrapped,
): KeyVersion {
  const key = unwrapWithRoot(keyring, keyVersionAad(owner, name), stored);
  if (key.byteLength !== algorithmSpec(name.algorithm).keySizeBytes) throw valueCorrupt();
  const { kmsKeyId, version, algorithm } = name;
  return { kmsKeyId, version, algorithm, key };
}
