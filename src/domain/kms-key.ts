// Keys that wrap the keys of versions.
import { CofferError } from "./errors.ts";

export type KmsKeyState = "ACTIVE" | "DISABLED" | "PENDING_DESTRUCTION";

export interface KmsKey {
  workspaceId: string;
  kmsKeyId: string;
  region: string;
  /** Unique in its workspace and region. */
  name: string;
  algorithm: string;
  state: KmsKeyState;
  /** The version that wraps new versions of secrets. */
  primaryVersion: number;
}

/** The key every workspace has in every region from the start. */
export const defaultKeyName = "default";

export function checkKeyActive(key: Pick<KmsKey, "kmsKeyId" | "state">): void {
  if (key.state === "ACTIVE") return;
  throw new CofferError("KEY_NOT_ACTIVE", `key ${key.kmsKeyId} is not active`, {
    kms_key_id: key.kmsKeyId,
    state: key.state,
  });
}
