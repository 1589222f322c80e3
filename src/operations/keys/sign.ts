// Sign and Verify: signatures with private keys.

import { invalidField } from "../../domain/error/errors.ts";
import type { HashName } from "../../domain/key/hash-name.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import type { KeyAlgorithm } from "../../envelope/algorithms.ts";
import { signDigest, verifyDigest } from "../../envelope/prehashed.ts";
import { defaultHash, signData, verifyData } from "../../envelope/signatures.ts";
import { inTurn } from "../../runtime/in-turn.ts";
import { findVersion, type UseKeyDeps, useKey, type Verified, versionNumberOf } from "../../steps/keys/use-key.ts";

export interface SignInput {
  kmsKeyId: string;
  /** 0: the primary version; when verifying, the newest version that matches. */
  keyVersion: number;
  input: Uint8Array;
  /** Undefined: the default hash of the algorithm. */
  hash: HashName | undefined;
  /** Whether the input is a hash instead of the data. */
  prehashed?: boolean;
  /** The name of the field with the hash function in the request. */
  hashField?: string;
}

/** Fails with FIELD_INVALID and as `useKey` does. */
export async function signInput(
  deps: UseKeyDeps,
  caller: Caller,
  { kmsKeyId, keyVersion, input, hash, prehashed }: SignInput,
): Promise<{ signature: Uint8Array; keyVersion: number }> {
  return useKey(deps, caller, { kmsKeyId, permission: "keys.sign", use: "sign" }, async (inUse, used) => {
    const number = versionNumberOf(inUse.key, keyVersion);
    const chosen = hashOf(inUse.algorithm, hash);
    const digestHash = prehashed ? digestHashOf(inUse.algorithm, chosen, input) : undefined;
    const version = await inUse.version(number);
    const signature = digestHash
      ? await inTurn(() => signDigest(version, input, digestHash, deps.random))
      : await signData(version, input, chosen);
    used.push({ version: number, result: "OK" });
    return { signature, keyVersion: number };
  });
}

/** Fails as `signInput` does. A wrong signature is a result, not an error. */
export async function verifySignature(
  deps: UseKeyDeps,
  caller: Caller,
  { kmsKeyId, keyVersion, input, hash, prehashed, signature }: SignInput & { signature: Uint8Array },
): Promise<Verified> {
  return useKey(deps, caller, { kmsKeyId, permission: "keys.verify", use: "sign" }, async (inUse, used) => {
    const chosen = hashOf(inUse.algorithm, hash);
    const digestHash = prehashed ? digestHashOf(inUse.algorithm, chosen, input) : undefined;
    return findVersion(inUse, keyVersion, used, async (version) =>
      digestHash
        ? inTurn(() => verifyDigest(version, input, digestHash, signature))
        : verifyData(version, input, chosen, signature),
    );
  });
}

function hashOf(algorithm: KeyAlgorithm, asked: HashName | undefined): HashName | undefined {
  const usual = defaultHash(algorithm);
  if (asked === undefined) return usual;
  if (usual) return asked;
  throw invalidField("hash_algorithm", `${algorithm} keys sign the input itself; leave the hash algorithm out`);
}

const hashSizesBytes: Readonly<Record<HashName, number>> = { "sha2-256": 32, "sha2-384": 48, "sha2-512": 64 };

/** Checks the length of a hash that the caller computed. */
function digestHashOf(algorithm: KeyAlgorithm, hash: HashName | undefined, input: Uint8Array): HashName {
  if (!hash) throw invalidField("prehashed", `must be false or left out: ${algorithm} keys sign the input itself`);
  const size = hashSizesBytes[hash];
  if (input.byteLength === size) return hash;
  throw invalidField("input", `must have ${size} bytes, the length of a ${hash} hash, because prehashed is true`);
}
