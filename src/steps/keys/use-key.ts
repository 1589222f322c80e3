// The common part of every use of a key: checks the current row, and answers only after the audit event is durable.

import type { Grant } from "../../domain/access/grant.ts";
import type { Permission } from "../../domain/access/permission.ts";
import { CofferError, invalidField } from "../../domain/error/errors.ts";
import { checkKeyActive, keyNotFound } from "../../domain/key/kms-key.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import { isFor, type KeyAlgorithm, type KeyUse, keyAlgorithms } from "../../envelope/algorithms.ts";
import type { KeyVersion } from "../../envelope/key-version.ts";
import { checkAuthentic, coveredOfKmsKey } from "../../integrity/row-macs.ts";
import { auditEvent } from "../../runtime/audit-trail.ts";
import type { Deps } from "../../runtime/deps.ts";
import { knownAlgorithm } from "../../runtime/key-material.ts";
import { findKmsKey } from "../../store/kms-keys.ts";
import type { StoredKmsKey } from "../../store/rows/kms-key.ts";
import { authorize } from "../authorize.ts";

export type UseKeyDeps = Pick<
  Deps,
  "database" | "keyMaterial" | "keyLookups" | "deploymentKeys" | "audit" | "now" | "random"
>;

/** A key that is active and authentic. */
export interface KeyInUse {
  key: StoredKmsKey;
  algorithm: KeyAlgorithm;
  /** Returns the material of an existing version. */
  version(number: number): Promise<KeyVersion<KeyAlgorithm>>;
}

export interface UseInput {
  kmsKeyId: string;
  permission: Permission;
  /** Undefined: keys of every algorithm. */
  use: KeyUse | undefined;
}

/** One use of a version. A failed use has the reason of its error; the version is 0 if it is not known. */
export interface Used {
  version: number;
  result: "OK" | CofferError["reason"];
}

/**
 * Runs `work`, records what it reports in `used`, one event for equal ones, and only then returns. Fails with KEY_NOT_FOUND, KEY_NOT_ACTIVE,
 * KEY_USE_UNSUPPORTED, VALUE_CORRUPT, AUDIT_UNAVAILABLE and what `work` fails with.
 */
export async function useKey<T>(
  deps: UseKeyDeps,
  caller: Caller,
  { kmsKeyId, permission, use }: UseInput,
  work: (key: KeyInUse, used: Used[]) => Promise<T>,
): Promise<T> {
  const grant = authorize(caller, permission);
  const used: Used[] = [];
  const key = await findUsableKey(deps, grant.workspaceId, kmsKeyId, use);
  const answer = await work(key, used);
  await record(deps, caller, grant, kmsKeyId, used);
  return answer;
}

/** Reads the current rows. Concurrent calls for the same key share a lookup. */
async function findUsableKey(
  { database, keyLookups, keyMaterial, deploymentKeys }: UseKeyDeps,
  workspaceId: string,
  kmsKeyId: string,
  use: KeyUse | undefined,
): Promise<KeyInUse> {
  const lookUp = () => findKmsKey(database, workspaceId, { kmsKeyId });
  const key = await keyLookups(JSON.stringify([workspaceId, { kmsKeyId }]), lookUp);
  if (!key) throw keyNotFound(kmsKeyId);
  checkAuthentic(deploymentKeys, coveredOfKmsKey(key), key.mac);
  const algorithm = knownAlgorithm(key.algorithm);
  if (use && !isFor(algorithm, use)) throw useUnsupported(key, use);
  checkKeyActive(key);
  return { key, algorithm, version: (number) => keyMaterial.getForUse(key, number) };
}

async function record(
  deps: UseKeyDeps,
  caller: Caller,
  { rule }: Grant<Permission>,
  kmsKeyId: string,
  used: readonly Used[],
): Promise<void> {
  const equal = Map.groupBy(used, ({ version, result }) => `${version} ${result}`);
  const events = [...equal.values()].map((same) => {
    const { version, result } = same[0] as Used;
    const subject = { resourceType: "kms_key" as const, resourceId: kmsKeyId };
    const numbered = version === 0 ? subject : { ...subject, versionNumber: version };
    return { ...auditEvent(deps, caller, { decision: "ALLOW", rule, result }, numbered), occurrences: same.length };
  });
  await Promise.all(events.map((event) => deps.audit.record(event)));
}

const doings: Readonly<Record<KeyUse, string>> = {
  encrypt: "encrypt",
  sign: "sign",
  mac: "make MACs",
  public_key: "have no public key",
};

export function useUnsupported({ kmsKeyId, algorithm }: StoredKmsKey, use: KeyUse): CofferError {
  const able = keyAlgorithms.filter((other) => isFor(other, use)).join(", ");
  const cannot = use === "public_key" ? `${algorithm} keys ${doings[use]}` : `${algorithm} keys cannot ${doings[use]}`;
  const description = `${cannot}; keys that can: ${able}`;
  return new CofferError(
    "KEY_USE_UNSUPPORTED",
    `id: ${description}`,
    { kms_key_id: kmsKeyId, algorithm },
    { violations: [{ field: "id", description }] },
  );
}

/** Returns the number of an existing version; 0 is the primary one. Fails with FIELD_INVALID. */
export function versionNumberOf(
  { primaryVersion }: Pick<StoredKmsKey, "primaryVersion">,
  asked: number,
  field = "key_version",
): number {
  if (asked === 0) return primaryVersion;
  if (asked <= primaryVersion) return asked;
  const known = primaryVersion === 1 ? "its only version is 1" : `it has the versions 1 to ${primaryVersion}`;
  throw invalidField(field, `the key has no version ${asked}; ${known}`);
}

/** Whether a version of the key made it, and which; the primary one if none did. */
export interface Verified {
  valid: boolean;
  keyVersion: number;
}

/** Signatures and MACs do not name their version. Callers must name versions older than these. */
const versionsTriedMax = 32;

/** Finds the version that made a signature or MAC: the given one, or for 0 from the newest to older ones. */
export async function findVersion(
  inUse: KeyInUse,
  asked: number,
  used: Used[],
  isBy: (version: KeyVersion<KeyAlgorithm>) => Promise<boolean>,
): Promise<Verified> {
  const newest = versionNumberOf(inUse.key, asked);
  const oldest = asked === 0 ? Math.max(1, newest - versionsTriedMax + 1) : newest;
  for (let number = newest; number >= oldest; number--) {
    if (!(await isBy(await inUse.version(number)))) continue;
    used.push({ version: number, result: "OK" });
    return { valid: true, keyVersion: number };
  }
  used.push({ version: newest, result: "OK" });
  return { valid: false, keyVersion: newest };
}
