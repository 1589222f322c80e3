// ComputeMac and VerifyMac: HMACs of callers' data.

import { invalidField } from "../../domain/error/errors.ts";
import type { HashName } from "../../domain/key/hash-name.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import { type KeyAlgorithm, keySpec } from "../../envelope/algorithms.ts";
import { isMacOf, macData } from "../../envelope/data-macs.ts";
import { findVersion, type UseKeyDeps, useKey, type Verified, versionNumberOf } from "../../steps/keys/use-key.ts";
import type { SignInput } from "./sign.ts";

/** Fails with FIELD_INVALID and as `useKey` does. */
export async function computeMac(
  deps: UseKeyDeps,
  caller: Caller,
  { kmsKeyId, keyVersion, input, hash, hashField }: SignInput,
): Promise<{ mac: Uint8Array; keyVersion: number }> {
  return useKey(deps, caller, { kmsKeyId, permission: "keys.sign", use: "mac" }, async (inUse, used) => {
    const number = versionNumberOf(inUse.key, keyVersion);
    const chosen = hashOf(inUse.algorithm, hash, hashField);
    const mac = macData(await inUse.version(number), input, chosen);
    used.push({ version: number, result: "OK" });
    return { mac, keyVersion: number };
  });
}

/** Fails as `computeMac` does. A wrong MAC is a result, not an error. */
export async function verifyMac(
  deps: UseKeyDeps,
  caller: Caller,
  { kmsKeyId, keyVersion, input, hash, mac }: SignInput & { mac: Uint8Array },
): Promise<Verified> {
  return useKey(deps, caller, { kmsKeyId, permission: "keys.verify", use: "mac" }, async (inUse, used) => {
    const chosen = hashOf(inUse.algorithm, hash);
    return findVersion(inUse, keyVersion, used, async (version) => isMacOf(version, input, chosen, mac));
  });
}

function hashOf(algorithm: KeyAlgorithm, asked: HashName | undefined, field = "hash_algorithm"): HashName {
  const spec = keySpec(algorithm);
  const known: readonly HashName[] = spec.kind === "mac" ? spec.hashes : [];
  const [usual] = known;
  if (usual === undefined) throw new Error("a key that makes no MACs was let through");
  if (asked === undefined) return usual;
  if (known.includes(asked)) return asked;
  throw invalidField(field, `must be ${known.join(", ")} or left out for ${algorithm} keys`);
}
