// Signatures of hashes that callers computed. They equal the signatures of the hashed input.
import { constants, privateEncrypt, publicDecrypt } from "node:crypto";
import type { HashName } from "../domain/key/hash-name.ts";
import type { RandomBytes } from "../domain/random.ts";
import { type KeyAlgorithm, keySpec } from "./algorithms.ts";
import { signDigestEcdsa, verifyDigestEcdsa } from "./ecdsa-digest.ts";
import { encodePss, isPssOf } from "./emsa-pss.ts";
import { privateKeyOf, publicKeyOf } from "./key-objects.ts";
import type { KeyVersion } from "./key-version.ts";
import { modulusSizeBytes } from "./rsa-encryption.ts";

const padding = constants.RSA_NO_PADDING;

/** Verifies its own signature and throws if that fails, so that an arithmetic fault never leaks the key. */
export async function signDigest(
  version: KeyVersion<KeyAlgorithm>,
  digest: Uint8Array,
  hash: HashName,
  random: RandomBytes,
): Promise<Uint8Array> {
  const key = privateKeyOf(version);
  const signature =
    keySpec(version.algorithm).kind === "rsa"
      ? privateEncrypt({ key, padding }, encodePss(digest, hash, modulusSizeBytes(key), random))
      : await signDigestEcdsa(key, digest);
  const isValid = await verifyDigest(version, digest, hash, signature);
  if (!isValid) throw new Error("a signature that was just made is not valid");
  return signature;
}

/** Whether the signature of the hash is valid under this key version. */
export async function verifyDigest(
  version: KeyVersion<KeyAlgorithm>,
  digest: Uint8Array,
  hash: HashName,
  signature: Uint8Array,
): Promise<boolean> {
  const key = publicKeyOf(version);
  if (keySpec(version.algorithm).kind !== "rsa") return verifyDigestEcdsa(key, digest, signature);
  if (signature.byteLength !== modulusSizeBytes(key)) return false;
  try {
    return isPssOf(publicDecrypt({ key, padding }, signature), digest, hash);
  } catch {
    // The number is not smaller than the modulus.
    return false;
  }
}
