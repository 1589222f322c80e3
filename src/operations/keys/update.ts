// UpdateKey: its name, its labels and how often it is rotated.
import type { Caller } from "../../domain/caller.ts";
import type { KmsKeyRecord } from "../../domain/kms-key.ts";
import { isUniqueViolation } from "../../store/database-errors.ts";
import { authorize } from "../authorize.ts";
import type { Outcome } from "../mutation.ts";
import { type ChangeKeyDeps, type ChangeKeyInput, changeKey } from "./change-key.ts";
import { findKeyOrFail } from "./find.ts";
import { keyNameTaken } from "./name-taken.ts";

export interface UpdateKeyInput extends ChangeKeyInput {
  change: Partial<Pick<KmsKeyRecord, "name" | "labels" | "rotationPeriodDays">>;
}

/** Fails with KEY_NAME_TAKEN and what `changeKey` fails with. */
export async function updateKey(
  deps: ChangeKeyDeps,
  caller: Caller,
  { change, ...input }: UpdateKeyInput,
): Promise<Outcome<KmsKeyRecord>> {
  const grant = authorize(caller, "keys.update");
  const decide = async () => (Object.keys(change).length === 0 ? undefined : change);
  try {
    return await changeKey(deps, caller, grant, input, decide);
  } catch (error) {
    if (change.name === undefined || !isUniqueViolation(error, "kms_key_live_name")) throw error;
    const { workspaceId, region } = await findKeyOrFail(deps.database, grant.workspaceId, input.kmsKeyId);
    throw await keyNameTaken(deps.database, caller, { workspaceId, region, name: change.name });
  }
}
