// Keys: those that wrap the keys of versions, and those that only encrypt or sign for callers.
import { CofferError } from "../error/errors.ts";

export type KmsKeyState = "ACTIVE" | "DISABLED" | "PENDING_DESTRUCTION" | "DESTROYED";

export interface KmsKey {
  workspaceId: string;
  kmsKeyId: string;
  region: string;
  /** Unique in its workspace and region, as its slug is. */
  name: string;
  algorithm: string;
  state: KmsKeyState;
  /** The version that wraps new versions of secrets, encrypts and signs. */
  primaryVersion: number;
  /** Whether callers may get its material; decided when it was made. */
  exportAllowed: boolean;
}

/** A version of a key that is not destroyed. */
export interface KmsKeyVersion {
  version: number;
  createTime: Date;
}

/** All that is known of a key, but for its material. */
export interface KmsKeyRecord extends KmsKey {
  description: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  /** Whether its first material came from a caller. */
  imported: boolean;
  /** False for imported keys whose material is to stay the only one. */
  rotationAllowed: boolean;
  /** The newest 100, oldest first; none of a destroyed key. */
  versions: readonly KmsKeyVersion[];
  /** Counts the changes; the etag is this number in decimal. */
  revision: number;
  createTime: Date;
  updateTime: Date;
  /** Undefined: never rotated. */
  rotateTime: Date | undefined;
  /** 1 to 3,650 days; undefined: no job rotates it. */
  rotationPeriodDays: number | undefined;
  nextRotateTime: Date | undefined;
  scheduledDestroyTime: Date | undefined;
  destroyTime: Date | undefined;
  /** Versions of secrets may be left that an older version of the key wraps. */
  isRewrapPending: boolean;
}

/** The key every workspace has in every region from the start. */
export const defaultKeyName = "default";

/** How a key is called in URLs: its name with `-` for each space. */
export function slugOf(name: string): string {
  return name.replaceAll(" ", "-");
}

export function checkKeyActive(key: Pick<KmsKey, "kmsKeyId" | "state">): void {
  if (key.state === "ACTIVE") return;
  throw new CofferError("KEY_NOT_ACTIVE", `key ${key.kmsKeyId} is not active`, {
    kms_key_id: key.kmsKeyId,
    state: key.state,
  });
}

/** Fails once the material is gone, or about to go because its time has come. `now` is the database's. */
export function checkKeyNotDestroyed(
  key: Pick<KmsKeyRecord, "kmsKeyId" | "state" | "scheduledDestroyTime">,
  now: Date,
): void {
  const isDue = key.scheduledDestroyTime !== undefined && key.scheduledDestroyTime <= now;
  if (key.state !== "DESTROYED" && !isDue) return;
  throw new CofferError("KEY_DESTROYED", `key ${key.kmsKeyId} is destroyed for good`, { kms_key_id: key.kmsKeyId });
}

export function checkKeyNotPending(key: Pick<KmsKey, "kmsKeyId" | "state">): void {
  if (key.state !== "PENDING_DESTRUCTION") return;
  throw new CofferError(
    "KEY_PENDING_DESTRUCTION",
    `key ${key.kmsKeyId} is scheduled for destruction; cancel that first`,
    {
      kms_key_id: key.kmsKeyId,
    },
  );
}

export function checkRotationAllowed({
  kmsKeyId,
  rotationAllowed,
}: Pick<KmsKeyRecord, "kmsKeyId" | "rotationAllowed">) {
  if (rotationAllowed) return;
  const message = `key ${kmsKeyId} was imported without leave to be rotated; import the new material as a new key`;
  throw new CofferError("KEY_NOT_ROTATABLE", message, { kms_key_id: kmsKeyId });
}

/** `denial` is what the caller must not be told. */
export function keyNotFound(kmsKeyId: string, denial?: CofferError): CofferError {
  return new CofferError(
    "KEY_NOT_FOUND",
    "there is no such key",
    { kms_key_id: kmsKeyId },
    denial ? { cause: denial } : {},
  );
}
