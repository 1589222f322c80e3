// GetKey: a key without its material.
import type { Deps } from "../../deps.ts";
import type { Caller } from "../../domain/caller.ts";
import type { KmsKeyRecord } from "../../domain/kms-key.ts";
import { authorize } from "../authorize.ts";
import { findKeyOrFail } from "./find.ts";

/** Fails with KEY_NOT_FOUND. */
export async function getKey(deps: Pick<Deps, "database">, caller: Caller, kmsKeyId: string): Promise<KmsKeyRecord> {
  const { workspaceId } = authorize(caller, "keys.read");
  return findKeyOrFail(deps.database, workspaceId, kmsKeyId);
}
