// KMS keys: they wrap the DEKs of secret versions, or encrypt and sign for callers.
import { CofferError } from "../error/errors.ts";

export type KmsKeyState = "ACTIVE" | "DISABLED" | "PENDING_DESTRUCTION" | "DESTROYED";

export interface KmsKey {
  workspaceId: string;
  kmsKeyId: string;
  region: string;
  /** Unique in the workspace and region, like the slug. */
  name: string;
  algorithm: string;
  state: KmsKeyState;
  /** The key version that wraps new secret versions, encrypts and signs. */
  primaryVersion: number;
  /** Whether callers may export the material. It is set when the key is created. */
  exportAllowed: boolean;
}

/** A version of a key that still has its material. */
export interface KmsKeyVersion {
  version: number;
  createTime: Date;
}

/** A key without its material. */
export interface KmsKeyRecord extends KmsKey {
  description: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  /** Whether its first material came from a caller. */
  imported: boolean;
  /** False for imported keys that must keep the imported material. */
  rotationAllowed: boolean;
  /** The newest 100 versions, oldest first; empty for a destroyed key. */
  versions: readonly KmsKeyVersion[];
  /** The number of changes; the etag is this number in decimal. */
  revision: number;
  createTime: Date;
  updateTime: Date;
  /** Undefined: never rotated. */
  rotateTime: Date | undefined;
  /** 1 to 3,650 days; undefined: no automatic rotation. */
  rotationPeriodDays: number | undefined;
  nextRotateTime: Date | undefined;
  scheduledDestroyTime: Date | undefined;
  destroyTime: Date | undefined;
  /** Some secret versions may still be wrapped by an older key version. */
  isRewrapPending: boolean;
}

/** The key that every workspace has in every region. */
export const defaultKeyName = "default";

/** The name of a key in URLs: each space is replaced by `-`. */
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

/** Fails when the material is destroyed, or when its destroy time has passed. `now` is the database's time. */
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

/** `denial` is the real reason, which the caller must not see. */
export function keyNotFound(kmsKeyId: string, denial?: CofferError): CofferError {
  return new CofferError(
    "KEY_NOT_FOUND",
    "there is no such key",
    { kms_key_id: kmsKeyId },
    denial ? { cause: denial } : {},
  );
}
