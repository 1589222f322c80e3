// Finds the key that a request names within a region: by id, slug or name.

import type { Permission } from "../../domain/access/permission.ts";
import { CofferError } from "../../domain/error/errors.ts";
import { isId } from "../../domain/ids.ts";
import { keyNotFound } from "../../domain/key/kms-key.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import type { Deps } from "../../runtime/deps.ts";
import { findKmsKey } from "../../store/kms-keys.ts";
import { authorize, holds } from "../authorize.ts";

/**
 * Returns the key's id. Fails with KEY_NOT_FOUND, also for keys of other regions. Without the permission it fails before the look-up:
 * with PERMISSION_MISSING for those who may see keys, and with KEY_NOT_FOUND for others.
 */
export async function keyIdIn(
  { database }: Pick<Deps, "database">,
  caller: Caller,
  permission: Permission,
  { region, identity }: { region: string; identity: string },
): Promise<string> {
  const { workspaceId } = authorizeHidden(caller, permission, identity);
  const ref = isId("kms", identity) ? { kmsKeyId: identity } : { region, name: identity };
  const key = await findKmsKey(database, workspaceId, ref);
  if (key?.region !== region) throw keyNotFound(identity);
  return key.kmsKeyId;
}

function authorizeHidden(caller: Caller, permission: Permission, identity: string) {
  try {
    return authorize(caller, permission);
  } catch (error) {
    const isDenied = error instanceof CofferError && error.reason === "PERMISSION_MISSING";
    const seesKeys = holds(caller, "keys.read") || holds(caller, "keys.list");
    throw isDenied && !seesKeys ? keyNotFound(identity, error) : error;
  }
}
