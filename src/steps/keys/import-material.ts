// Unwraps the material of an imported key.
import { CofferError, invalidField } from "../../domain/error/errors.ts";
import type { Sensitive } from "../../domain/sensitive.ts";
import { isFor, type KeyAlgorithm, keySpec } from "../../envelope/algorithms.ts";
import { macKeySizeBytesMax, macKeySizeBytesMin, unwrapImported } from "../../envelope/imported-material.ts";
import type { OaepHash } from "../../envelope/rsa-encryption.ts";
import { defaultHash, signData, verifyData } from "../../envelope/signatures.ts";
import { type ImportKeyDeps, withPrivateImportKey } from "./import-key.ts";

export interface ImportedMaterial {
  wrapped: Uint8Array;
  /** The hash function of RSA-OAEP. */
  hash: OaepHash;
  /** Whether later versions may have new material. */
  allowRotation: boolean;
  /** The name of the field with the material in the request. */
  field: string;
}

/** Fails with FIELD_INVALID for everything that is not wrapped material of the algorithm: one error for all causes. */
export async function importMaterial(
  deps: ImportKeyDeps,
  place: { workspaceId: string; region: string },
  algorithm: KeyAlgorithm,
  { wrapped, hash, field }: ImportedMaterial,
): Promise<Sensitive> {
  return withPrivateImportKey(deps, place, async (wrappingKey) => {
    const material = await unwrapImported(wrappingKey, wrapped, hash, algorithm).catch((error: unknown) => {
      throw isCorrupt(error) ? notMaterial(field, algorithm) : error;
    });
    using refused = new DisposableStack();
    refused.use(material);
    if (!(await works(algorithm, material))) throw notMaterial(field, algorithm);
    refused.move();
    return material;
  });
}

/** Whether the parts of a private key belong together, which parsing does not check. */
async function works(algorithm: KeyAlgorithm, key: Sensitive): Promise<boolean> {
  if (!isFor(algorithm, "sign")) return true;
  const version = { kmsKeyId: "", version: 1, algorithm, key };
  const [message, hash] = [Buffer.from("coffer"), defaultHash(algorithm)];
  try {
    return await verifyData(version, message, hash, await signData(version, message, hash));
  } catch {
    return false;
  }
}

function isCorrupt(error: unknown): boolean {
  return error instanceof CofferError && error.reason === "VALUE_CORRUPT";
}

function notMaterial(field: string, algorithm: KeyAlgorithm): CofferError {
  return invalidField(
    field,
    `must be ${materialIn(algorithm)}, wrapped by the wrapping key of the region: with RSA-OAEP and the named hash function, or as CKM_RSA_AES_KEY_WRAP does`,
  );
}

function materialIn(algorithm: KeyAlgorithm): string {
  const spec = keySpec(algorithm);
  if (spec.kind === "aead") return `${spec.keySizeBytes} bytes for ${algorithm}`;
  if (spec.kind === "mac") return `${macKeySizeBytesMin} to ${macKeySizeBytesMax} bytes for ${algorithm}`;
  return `a private key of the type ${algorithm} in PKCS#8 (DER)`;
}
