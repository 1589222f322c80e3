// Unwraps key material for import: RSA-OAEP for short material, CKM_RSA_AES_KEY_WRAP of PKCS #11 otherwise.
import { createDecipheriv, type KeyObject } from "node:crypto";
import { assertNever } from "../domain/error/errors.ts";
import { Sensitive } from "../domain/sensitive.ts";
import { type KeyAlgorithm, keySpec } from "./algorithms.ts";
import { valueCorrupt } from "./corrupt.ts";
import { parsePrivateKey, pkcs8Of } from "./key-objects.ts";
import { decryptOaep, modulusSizeBytes, type OaepHash } from "./rsa-encryption.ts";

export const macKeySizeBytesMin = 16;
export const macKeySizeBytesMax = 512;

// RFC 5649, section 3: the constant that marks an AES key wrap with padding.
const kwpMark = Buffer.from("a65959a6", "hex");

/** Returns the material in the form of key versions. Fails with VALUE_CORRUPT for every fault: an error must not tell how far a guess came. */
export async function unwrapImported(
  wrappingKey: KeyObject,
  wrapped: Uint8Array,
  hash: OaepHash,
  algorithm: KeyAlgorithm,
): Promise<Sensitive> {
  using unwrapped = await unwrap(wrappingKey, wrapped, hash);
  return materialOf(unwrapped, algorithm);
}

/** Either a 32-byte AES key in RSA-OAEP followed by the material in AES-KWP, or the material in RSA-OAEP alone. */
async function unwrap(wrappingKey: KeyObject, wrapped: Uint8Array, hash: OaepHash): Promise<Sensitive> {
  const size = modulusSizeBytes(wrappingKey);
  const first = await decryptOaep(wrappingKey, wrapped.subarray(0, size), hash);
  if (wrapped.byteLength === size) return first;
  try {
    if (first.byteLength !== 32) throw valueCorrupt();
    const decipher = createDecipheriv("id-aes256-wrap-pad", first.reveal(), kwpMark);
    return new Sensitive(Buffer.concat([decipher.update(wrapped.subarray(size)), decipher.final()]));
  } catch (cause) {
    throw valueCorrupt(cause);
  } finally {
    first.zero();
  }
}

function materialOf(given: Sensitive, algorithm: KeyAlgorithm): Sensitive {
  const spec = keySpec(algorithm);
  const size = given.byteLength;
  switch (spec.kind) {
    case "aead":
      if (size !== spec.keySizeBytes) throw valueCorrupt();
      return copyOf(given);
    case "mac":
      if (size < macKeySizeBytesMin || size > macKeySizeBytesMax) throw valueCorrupt();
      return copyOf(given);
    case "rsa":
    case "ec":
    case "ed25519": {
      const key = parsePrivateKey(given.reveal());
      if (!key || !isOfKind(key, algorithm)) throw valueCorrupt();
      return pkcs8Of(key);
    }
    default:
      return assertNever(spec);
  }
}

function isOfKind({ asymmetricKeyType, asymmetricKeyDetails = {} }: KeyObject, algorithm: KeyAlgorithm): boolean {
  const spec = keySpec(algorithm);
  if (spec.kind === "ed25519") return asymmetricKeyType === "ed25519";
  if (spec.kind === "ec") return asymmetricKeyType === "ec" && asymmetricKeyDetails.namedCurve === spec.curve;
  if (spec.kind !== "rsa" || asymmetricKeyType !== "rsa") return false;
  const { modulusLength, publicExponent = 0n } = asymmetricKeyDetails;
  // Refuse small exponents: only weak or unusual keys have them.
  return modulusLength === spec.modulusBits && publicExponent >= 0x10001n;
}

function copyOf(given: Sensitive): Sensitive {
  return new Sensitive(Uint8Array.from(given.reveal()));
}
