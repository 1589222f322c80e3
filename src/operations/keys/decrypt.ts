// Decrypt and BatchDecrypt: decrypts with the key version that the ciphertext names.

import { CofferError } from "../../domain/error/errors.ts";
import type { Sensitive } from "../../domain/sensitive.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import { algorithmSpec, isAlgorithm, type KeyAlgorithm, keySpec } from "../../envelope/algorithms.ts";
import { type CiphertextHead, readHead } from "../../envelope/ciphertext-head.ts";
import { decryptData } from "../../envelope/data-encryption.ts";
import { privateKeyOf } from "../../envelope/key-objects.ts";
import { decryptOaep } from "../../envelope/rsa-encryption.ts";
import { type KeyInUse, type Used, type UseKeyDeps, useKey, versionNumberOf } from "../../steps/keys/use-key.ts";
import { checkNoContext } from "./encrypt.ts";

export interface DecryptItem {
  ciphertext: Uint8Array;
  context: Uint8Array;
  /** The version for RSA ciphertexts from other tools, which name none; 0: the primary version. */
  keyVersion: number;
}

export interface Decrypted {
  plaintext: Sensitive;
  keyVersion: number;
}

/** Fails with CIPHERTEXT_INVALID, FIELD_INVALID and as `useKey` does. */
export async function decrypt(
  deps: UseKeyDeps,
  caller: Caller,
  { kmsKeyId, ...item }: { kmsKeyId: string } & DecryptItem,
): Promise<Decrypted> {
  const [result] = await batchDecrypt(deps, caller, kmsKeyId, [item]);
  if (result instanceof CofferError) throw result;
  return result as Decrypted;
}

/** Returns the plaintext or error of each item, in their order. */
export async function batchDecrypt(
  deps: UseKeyDeps,
  caller: Caller,
  kmsKeyId: string,
  items: readonly DecryptItem[],
): Promise<(Decrypted | CofferError)[]> {
  const results: (Decrypted | CofferError)[] = [];
  const asked = { kmsKeyId, permission: "keys.decrypt", use: "encrypt" } as const;
  const work = async (inUse: KeyInUse, used: Used[]) => {
    for (const item of items) {
      const result = await decryptOne(inUse, item).catch(asResult);
      results.push(result);
      if (!(result instanceof CofferError)) used.push({ version: result.keyVersion, result: "OK" });
      else if (result.reason === "CIPHERTEXT_INVALID") used.push({ version: 0, result: result.reason });
    }
    return results;
  };
  try {
    return await useKey(deps, caller, asked, work);
  } catch (error) {
    // Zero the plaintexts that were decrypted before the failure.
    for (const result of results) if (!(result instanceof CofferError)) result.plaintext.zero();
    throw error;
  }
}

/** Only errors of the item itself become its result. */
function asResult(error: unknown): CofferError {
  const isOfItem = error instanceof CofferError && ["CIPHERTEXT_INVALID", "FIELD_INVALID"].includes(error.reason);
  if (isOfItem) return error;
  throw error;
}

async function decryptOne(inUse: KeyInUse, { ciphertext, context, keyVersion }: DecryptItem): Promise<Decrypted> {
  const { algorithm, key } = inUse;
  if (!isAlgorithm(algorithm)) checkNoContext(algorithm, context);
  const wireNumber = wireNumberOf(algorithm);
  const head = isBareRsa(algorithm, ciphertext)
    ? { rest: ciphertext, version: versionNumberOf(key, keyVersion), wireNumber }
    : readHead(ciphertext);
  // One error for all causes: the cause would help a forger and not an honest caller.
  const isOurs = head !== undefined && head.version >= 1 && head.version <= key.primaryVersion;
  if (!isOurs || head.wireNumber !== wireNumber) throw ciphertextInvalid();
  if (keyVersion !== 0 && keyVersion !== head.version) throw ciphertextInvalid();
  return { plaintext: await open(inUse, head, context), keyVersion: head.version };
}

async function open(inUse: KeyInUse, head: CiphertextHead, context: Uint8Array): Promise<Sensitive> {
  const version = await inUse.version(head.version);
  const { algorithm } = version;
  try {
    if (!isAlgorithm(algorithm)) return await decryptOaep(privateKeyOf(version), head.rest, "sha256");
    const { workspaceId } = inUse.key;
    return decryptData({ keyVersion: { ...version, algorithm }, workspaceId, context }, head);
  } catch (error) {
    throw error instanceof CofferError && error.reason === "VALUE_CORRUPT" ? ciphertextInvalid() : error;
  }
}

function wireNumberOf(algorithm: KeyAlgorithm): number {
  if (isAlgorithm(algorithm)) return algorithmSpec(algorithm).wireNumber;
  const spec = keySpec(algorithm);
  if (spec.kind !== "rsa") throw new Error("a key that cannot decrypt was let through");
  return spec.wireNumber;
}

/** A foreign RSA ciphertext is as long as the modulus; coffer's also have a head. */
function isBareRsa(algorithm: KeyAlgorithm, { byteLength }: Uint8Array): boolean {
  const spec = keySpec(algorithm);
  return spec.kind === "rsa" && byteLength === spec.modulusBits / 8;
}

function ciphertextInvalid(): CofferError {
  const description = "does not decrypt: it was changed, or another key or context encrypted it";
  return new CofferError(
    "CIPHERTEXT_INVALID",
    `ciphertext: ${description}`,
    { field: "ciphertext" },
    { violations: [{ field: "ciphertext", description }] },
  );
}
