// GetKey: a key without its material, and how far its last rotation has got.

import type { KmsKeyRecord } from "../../domain/key/kms-key.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import type { Deps } from "../../runtime/deps.ts";
import { authorize } from "../../steps/authorize.ts";
import { findKeyOrFail } from "../../steps/keys/find.ts";
import { countVersionsToRewrap } from "../../store/rewrap.ts";

export interface KeyWithProgress {
  key: KmsKeyRecord;
  /** How many versions of secrets are to be moved to the primary version; undefined: none, and none is looked for. */
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
