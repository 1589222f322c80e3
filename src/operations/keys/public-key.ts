// GetPublicKey: the public keys of a key's versions.

import { CofferError } from "../../domain/error/errors.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import { isFor } from "../../envelope/algorithms.ts";
import { publicKeyPem } from "../../envelope/key-objects.ts";
import { checkAuthentic, coveredOfKmsKey } from "../../integrity/row-macs.ts";
import type { Deps } from "../../runtime/deps.ts";
import { knownAlgorithm } from "../../runtime/key-material.ts";
import { authorize } from "../../steps/authorize.ts";
import { findKeyOrFail } from "../../steps/keys/find.ts";
import { useUnsupported, versionNumberOf } from "../../steps/keys/use-key.ts";

export interface PublicKey {
  keyVersion: number;
  /** SPKI in PEM. */
  pem: string;
}

/**
 * Of one version, or of the newest 100 for 0, oldest first. A disabled key has them too. Fails with KEY_NOT_FOUND, KEY_DESTROYED,
 * KEY_USE_UNSUPPORTED, FIELD_INVALID or VALUE_CORRUPT.
 */
export async function getPublicKeys(
  deps: Pick<Deps, "database" | "keyMaterial" | "deploymentKeys">,
  caller: Caller,
  { kmsKeyId, keyVersion, versionField }: { kmsKeyId: string; keyVersion: number; versionField?: string },
): Promise<PublicKey[]> {
  const { workspaceId } = authorize(caller, "keys.read");
  const key = await findKeyOrFail(deps.database, workspaceId, kmsKeyId);
  checkAuthentic(deps.deploymentKeys, coveredOfKmsKey(key), key.mac);
  if (!isFor(knownAlgorithm(key.algorithm), "public_key")) throw useUnsupported(key, "public_key");
  if (key.state === "DESTROYED") {
    throw new CofferError("KEY_DESTROYED", `key ${kmsKeyId} is destroyed for good`, { kms_key_id: kmsKeyId });
  }
  const numbers =
    keyVersion === 0 ? key.versions.map(({ version }) => version) : [versionNumberOf(key, keyVersion, versionField)];
  const keys: PublicKey[] = [];
  for (const number of numbers) {
    keys.push({ keyVersion: number, pem: publicKeyPem(await deps.keyMaterial.getForUse(key, number)) });
  }
  return keys;
}
