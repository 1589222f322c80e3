// Finds the key that seals a new version, and checks that it is authentic and active.

import { CofferError, invalidField } from "../../domain/error/errors.ts";
import { checkKeyActive, defaultKeyName, keyNotFound } from "../../domain/key/kms-key.ts";
import { algorithms } from "../../envelope/algorithms.ts";
import type { KeyVersion } from "../../envelope/key-version.ts";
import { checkAuthentic, coveredOfKmsKey } from "../../integrity/row-macs.ts";
import type { Deps } from "../../runtime/deps.ts";
import { wrapsSecrets } from "../../runtime/key-material.ts";
import { findKmsKey } from "../../store/kms-keys.ts";
import type { StoredKmsKey } from "../../store/rows/kms-key.ts";
import { createDefaultKey } from "./default-key.ts";

export type SealingKeyDeps = Pick<
  Deps,
  | "database"
  | "keyMaterial"
  | "keyLookups"
  | "sealingKeys"
  | "now"
  | "random"
  | "keyring"
  | "deploymentId"
  | "deploymentKeys"
>;

/** A key by id, by name, or the default key. */
export type SealingKeyRef =
  | { region: string; kmsKeyId: string }
  | { region: string; kmsKeyName: string }
  | { region: string };

/** The primary version of a key, and the key's row. */
export interface SealingKey {
  key: StoredKmsKey;
  keyVersion: KeyVersion;
}

/** Returns the primary version of the named key, or of the region's default key. */
export async function sealingKey(deps: SealingKeyDeps, workspaceId: string, ref: SealingKeyRef): Promise<KeyVersion> {
  return (await findSealingKey(deps, workspaceId, ref)).keyVersion;
}

/** Returns the same with the key's row, and remembers the row. */
export async function findSealingKey(
  deps: SealingKeyDeps,
  workspaceId: string,
  ref: SealingKeyRef,
): Promise<SealingKey> {
  const key = await keyOf(deps, workspaceId, ref);
  checkAuthentic(deps.deploymentKeys, coveredOfKmsKey(key), key.mac);
  checkKeyActive(key);
  if (!wrapsSecrets(key)) throw cannotWrap(key);
  const keyVersion = await deps.keyMaterial.get(key, key.primaryVersion);
  deps.sealingKeys.set(nameOf(workspaceId, ref), key);
  return { key, keyVersion };
}

/** Returns what `findSealingKey` would have returned, if it is in memory. The statement that writes the sealed value must compare the key's row. */
export function rememberedSealingKey(
  { sealingKeys, keyMaterial }: Pick<SealingKeyDeps, "sealingKeys" | "keyMaterial">,
  workspaceId: string,
  ref: SealingKeyRef,
): SealingKey | undefined {
  const key = sealingKeys.get(nameOf(workspaceId, ref));
  const keyVersion = key && keyMaterial.getKept(key, key.primaryVersion);
  return keyVersion && { key, keyVersion };
}

function nameOf(workspaceId: string, ref: SealingKeyRef): string {
  const { region, kmsKeyId, kmsKeyName } = { kmsKeyId: undefined, kmsKeyName: undefined, ...ref };
  return JSON.stringify([workspaceId, region, kmsKeyId, kmsKeyName]);
}

function keyOf(deps: SealingKeyDeps, workspaceId: string, ref: SealingKeyRef): Promise<StoredKmsKey> {
  if ("kmsKeyId" in ref) return keyById(deps, workspaceId, ref);
  const isNamed = "kmsKeyName" in ref && ref.kmsKeyName !== defaultKeyName;
  return isNamed ? keyByName(deps, workspaceId, ref) : defaultKey(deps, workspaceId, ref);
}

async function keyByName(
  deps: SealingKeyDeps,
  workspaceId: string,
  { region, kmsKeyName }: { region: string; kmsKeyName: string },
): Promise<StoredKmsKey> {
  const key = await findKey(deps, workspaceId, { region, name: kmsKeyName });
  if (!key) throw keyNotFound(kmsKeyName);
  return key;
}

async function keyById(
  deps: SealingKeyDeps,
  workspaceId: string,
  { kmsKeyId, region }: { kmsKeyId: string; region: string },
): Promise<StoredKmsKey> {
  const key = await findKey(deps, workspaceId, { kmsKeyId });
  if (!key) throw keyNotFound(kmsKeyId);
  if (key.region !== region) throw invalidField("kms_key_id", `must be a key of region ${region}`);
  return key;
}

async function defaultKey(
  deps: SealingKeyDeps,
  workspaceId: string,
  { region }: { region: string },
): Promise<StoredKmsKey> {
  const find = () => findKey(deps, workspaceId, { region, name: defaultKeyName });
  const found = await find();
  if (found) return found;
  // The region was configured after the workspace was created.
  await deps.database.transaction((tx) => createDefaultKey(deps, tx, workspaceId, region));
  const made = await find();
  if (!made) throw new CofferError("KEY_NOT_FOUND", `region ${region} has no default key`, { region });
  return made;
}

function cannotWrap({ kmsKeyId, algorithm }: StoredKmsKey): CofferError {
  const description = `${algorithm} keys cannot wrap secrets; keys that can: ${algorithms.join(", ")}`;
  return new CofferError(
    "KEY_USE_UNSUPPORTED",
    `kms_key_id: ${description}`,
    { kms_key_id: kmsKeyId, algorithm },
    { violations: [{ field: "kms_key_id", description }] },
  );
}

/** Calls that need the same key share a lookup. */
function findKey(
  { database, keyLookups }: SealingKeyDeps,
  workspaceId: string,
  ref: Parameters<typeof findKmsKey>[2],
): Promise<StoredKmsKey | undefined> {
  return keyLookups(JSON.stringify([workspaceId, ref]), () => findKmsKey(database, workspaceId, ref));
}
