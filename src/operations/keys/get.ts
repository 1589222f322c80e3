// GetKey: returns a key without its material, with the progress of its last rotation.

import type { KmsKeyRecord } from "../../domain/key/kms-key.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import type { Deps } from "../../runtime/deps.ts";
import { authorize } from "../../steps/authorize.ts";
import { findKeyOrFail } from "../../steps/keys/find.ts";
import { countVersionsToRewrap } from "../../store/rewrap.ts";

export interface KeyWithProgress {
  key: KmsKeyRecord;
  /** The number of secret versions still to be rewrapped; undefined: none, and they are not counted. */
  rewrapRemaining: number | undefined;
}

/** Fails with KEY_NOT_FOUND. */
export async function getKey(
  { database }: Pick<Deps, "database">,
  caller: Caller,
  kmsKeyId: string,
): Promise<KeyWithProgress> {
  const { workspaceId } = authorize(caller, "keys.read");
  const key = await findKeyOrFail(database, workspaceId, kmsKeyId);
  return { key, rewrapRemaining: key.isRewrapPending ? await countVersionsToRewrap(database, key) : undefined };
}
