// Keys wrapped by a root key, as PostgreSQL stores them.
import { CofferError } from "../domain/error/errors.ts";
import type { RandomBytes } from "../domain/random.ts";
import type { Sensitive } from "../domain/sensitive.ts";
import { nonceSizeBytes, tagSizeBytes } from "./aead.ts";
import { createReader, utf8Bytes } from "./bytes.ts";
import { valueCorrupt } from "./corrupt.ts";
import type { Keyring, RootKey } from "./keyring.ts";
import { unwrapKey, type WrappingKey, wrapCommitmentSizeBytes, wrapKey, wrapSaltSizeBytes } from "./wrap.ts";

const rootWrapVersion = 1;

/** The id is a column of its own, so that SQL finds the keys that an old root key still wraps. */
export interface RootWrapped {
  rootKeyId: string;
  /** ver(1) salt(32) commitment(32) nonce(12) key+tag */
  wrappedKey: Uint8Array;
}

/** Wraps under the keyring's first key. */
export function wrapWithRoot(keyring: Keyring, aad: Uint8Array, key: Sensitive, random: RandomBytes): RootWrapped {
  const rootKey = keyring.first;
  const { salt, commitment, nonce, ciphertext } = wrapKey(wrappingKey(rootKey, aad), key, random);
  const wrappedKey = Buffer.concat([Uint8Array.of(rootWrapVersion), salt, commitment, nonce, ciphertext]);
  return { rootKeyId: rootKey.id, wrappedKey };
}

/** Fails with VALUE_CORRUPT when the wrap does not authenticate, and with ROOT_KEY_MISSING when the keyring lacks the root key. */
export function unwrapWithRoot(keyring: Keyring, aad: Uint8Array, { rootKeyId, wrappedKey }: RootWrapped): Sensitive {
  const rootKey = findRootKey(keyring, rootKeyId);
  const reader = createReader(wrappedKey);
  if (reader.uint8() !== rootWrapVersion) throw valueCorrupt();
  const salt = reader.take(wrapSaltSizeBytes);
  const commitment = reader.take(wrapCommitmentSizeBytes);
  const nonce = reader.take(nonceSizeBytes);
  const ciphertext = reader.rest();
  if (ciphertext.byteLength <= tagSizeBytes) throw valueCorrupt();
  return unwrapKey(wrappingKey(rootKey, aad), { salt, commitment, nonce, ciphertext });
}

function findRootKey(keyring: Keyring, id: string): RootKey {
  const known = keyring.byId.get(id);
  if (known) return known;
  keyring.reread?.();
  const added = keyring.byId.get(id);
  if (added) return added;
  const message =
    "the root key that wraps the needed key is not in the keyring of this instance; the operator must add it";
  throw new CofferError("ROOT_KEY_MISSING", message, { root_key_id: id });
}

function wrappingKey(rootKey: RootKey, aad: Uint8Array): WrappingKey {
  const info = Buffer.concat([utf8Bytes("coffer/root-wrap/v1"), aad]);
  return { key: rootKey.key, algorithm: "aes256-gcm96", aad, info };
}
