// KMS key versions: keys that wrap DEKs or that callers use, themselves wrapped by a root key.
import type { RandomBytes } from "../domain/random.ts";
import type { Sensitive } from "../domain/sensitive.ts";
import { type KeyVersionName, keyVersionAad } from "./aad.ts";
import { type Algorithm, type KeyAlgorithm, keySpec } from "./algorithms.ts";
import { valueCorrupt } from "./corrupt.ts";
import type { Keyring } from "./keyring.ts";
import { type RootWrapped, unwrapWithRoot, wrapWithRoot } from "./root-wrap.ts";

export interface KeyVersion<A extends KeyAlgorithm = Algorithm> extends KeyVersionName<A> {
  /** Raw bytes of a symmetric or MAC key, PKCS#8 of a private one. */
  key: Sensitive;
}

/** Whose key it is. */
export interface KeyOwner {
  deploymentId: string;
  workspaceId: string;
}

export function wrapKeyVersion(
  keyring: Keyring,
  owner: KeyOwner,
  keyVersion: KeyVersion<KeyAlgorithm>,
  random: RandomBytes,
): RootWrapped {
  return wrapWithRoot(keyring, keyVersionAad(owner, keyVersion), keyVersion.key, random);
}

/** VALUE_CORRUPT unless it was wrapped for this owner and under this name, by a root key that the keyring holds. */
export function unwrapKeyVersion<A extends KeyAlgorithm>(
  keyring: Keyring,
  owner: KeyOwner,
  name: KeyVersionName<A>,
  stored: RootWrapped,
): KeyVersion<A> {
  const key = unwrapWithRoot(keyring, keyVersionAad(owner, name), stored);
  const spec = keySpec(name.algorithm);
  if (spec.kind === "aead" && key.byteLength !== spec.keySizeBytes) throw valueCorrupt();
  const { kmsKeyId, version, algorithm } = name;
  return { kmsKeyId, version, algorithm, key };
}
