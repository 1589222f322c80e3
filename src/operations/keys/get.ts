// GetKey: a key without its material, and how far its last rotation has got.
import type { Deps } from "../../deps.ts";
import type { Caller } from "../../domain/caller.ts";
import type { KmsKeyRecord } from "../../domain/kms-key.ts";
import { countVersionsToRewrap } from "../../store/rewrap.ts";
import { authorize } from "../authorize.ts";
import { findKeyOrFail } from "./find.ts";

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
