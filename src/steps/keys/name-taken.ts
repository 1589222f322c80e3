// The error for a name that another key of the region has.

import { CofferError } from "../../domain/error/errors.ts";
import type { KmsKey } from "../../domain/key/kms-key.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import type { Sql } from "../../store/database.ts";
import { findKmsKey } from "../../store/kms-keys.ts";
import { holds } from "../authorize.ts";

/** Returns KEY_NAME_TAKEN, with the id of the other key for callers who may list keys. */
export async function keyNameTaken(
  sql: Sql,
  caller: Caller,
  { workspaceId, region, name }: Pick<KmsKey, "workspaceId" | "region" | "name">,
): Promise<CofferError> {
  const message = `another key of region ${region} is called ${name}, where a space and - count as the same`;
  const blocking = holds(caller, "keys.list") ? await findKmsKey(sql, workspaceId, { region, name }) : undefined;
  if (!blocking) return new CofferError("KEY_NAME_TAKEN", message, { name, region });
  const { kmsKeyId } = blocking;
  return new CofferError(
    "KEY_NAME_TAKEN",
    message,
    { name, region, id: kmsKeyId },
    { resource: { type: "kms_key", name: kmsKeyId } },
  );
}
