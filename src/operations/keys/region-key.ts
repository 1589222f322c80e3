// Keys that a request names within a region, by id or by name.
import type { Deps } from "../../deps.ts";
import type { Caller } from "../../domain/caller.ts";
import { isId } from "../../domain/ids.ts";
import { keyNotFound } from "../../domain/kms-key.ts";
import type { Permission } from "../../domain/permission.ts";
import { findKmsKey } from "../../store/kms-keys.ts";
import { authorize } from "../authorize.ts";

/** The key's id. Fails with PERMISSION_MISSING before anything is looked up, and with KEY_NOT_FOUND for keys of other regions too. */
export async function keyIdIn(
  { database }: Pick<Deps, "database">,
  caller: Caller,
  permission: Permission,
  { region, identity }: { region: string; identity: string },
): Promise<string> {
  const { workspaceId } = authorize(caller, permission);
  const ref = isId("kms", identity) ? { kmsKeyId: identity } : { region, name: identity };
  const key = await findKmsKey(database, workspaceId, ref);
  if (key?.region !== region) throw keyNotFound(identity);
  return key.kmsKeyId;
}
