// KMS key versions: they wrap DEKs or serve callers, and a root key wraps them.
import type { RandomBytes } from "../domain/random.ts";
import type { Sensitive } from "../domain/sensitive.ts";
import { type KeyVersionName, keyVersionAad } from "./aad.ts";
import { type Algorithm, type KeyAlgorithm, keySpec } from "./algorithms.ts";
import { valueCorrupt } from "./corrupt.ts";
import type { Keyring } from "./keyring.ts";
import { type RootWrapped, unwrapWithRoot, wrapWithRoot } from "./root-wrap.ts";

export interface KeyVersion<A extends KeyAlgorithm = Algorithm> extends KeyVersionName<A> {
  /** Raw bytes of a symmetric or MAC key; PKCS#8 of a private key. */
  key: Sensitive;
}

/** The owner of a key. */
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

/** Fails with VALUE_CORRUPT unless it was wrapped for this owner and name, and with ROOT_KEY_MISSING when the keyring lacks the root key. */
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
