// RSA-OAEP: encrypts with the public key on this thread, and decrypts on another.
import { constants, type KeyObject, publicEncrypt, subtle, type webcrypto } from "node:crypto";
import { Sensitive } from "../domain/sensitive.ts";
import { valueCorrupt } from "./corrupt.ts";

/** As node:crypto calls it. */
export type OaepHash = "sha256" | "sha384" | "sha512";

const digestSizes: Readonly<Record<OaepHash, number>> = { sha256: 32, sha384: 48, sha512: 64 };

/** The largest plaintext of one ciphertext, in bytes. */
export function oaepSizeBytesMax(key: KeyObject, hash: OaepHash): number {
  return modulusSizeBytes(key) - 2 * digestSizes[hash] - 2;
}

export function modulusSizeBytes({ asymmetricKeyDetails }: KeyObject): number {
  return (asymmetricKeyDetails?.modulusLength ?? 0) / 8;
}

export function encryptOaep(publicKey: KeyObject, plaintext: Uint8Array, oaepHash: OaepHash): Buffer {
  return publicEncrypt({ key: publicKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash }, plaintext);
}

/** Fails with VALUE_CORRUPT for a ciphertext of another key or hash. */
export async function decryptOaep(privateKey: KeyObject, ciphertext: Uint8Array, hash: OaepHash): Promise<Sensitive> {
  try {
    return new Sensitive(
      new Uint8Array(await subtle.decrypt("RSA-OAEP", decryptionKey(privateKey, hash), Buffer.from(ciphertext))),
    );
  } catch (cause) {
    throw valueCorrupt(cause);
  }
}

const decryptionKeys = new WeakMap<KeyObject, Map<OaepHash, webcrypto.CryptoKey>>();

function decryptionKey(privateKey: KeyObject, hash: OaepHash): webcrypto.CryptoKey {
  const known = decryptionKeys.get(privateKey) ?? new Map<OaepHash, webcrypto.CryptoKey>();
  decryptionKeys.set(privateKey, known);
  const found = known.get(hash);
  if (found) return found;
  const name = { sha256: "SHA-256", sha384: "SHA-384", sha512: "SHA-512" }[hash];
  const made = privateKey.toCryptoKey({ name: "RSA-OAEP", hash: name }, false, ["decrypt"]);
  known.set(hash, made);
  return made;
}
