// UpdateKey: changes the name, description, labels and rotation period of a key.

import { checkRotationAllowed, type KmsKeyRecord } from "../../domain/key/kms-key.ts";
import { checkAnnotations } from "../../domain/secret/secret.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import { authorize } from "../../steps/authorize.ts";
import { type ChangeKeyDeps, type ChangeKeyInput, changeKey } from "../../steps/keys/change-key.ts";
import { findKeyOrFail } from "../../steps/keys/find.ts";
import { keyNameTaken } from "../../steps/keys/name-taken.ts";
import type { MutationResult } from "../../steps/mutation.ts";
import { isUniqueViolation } from "../../store/connection/database-errors.ts";

export interface UpdateKeyInput extends ChangeKeyInput {
  change: Partial<Pick<KmsKeyRecord, "name" | "description" | "labels" | "annotations" | "rotationPeriodDays">>;
}

/** Fails with KEY_NAME_TAKEN, KEY_NOT_ROTATABLE and what `changeKey` fails with. */
export async function updateKey(
  deps: ChangeKeyDeps,
  caller: Caller,
  { change, ...input }: UpdateKeyInput,
): Promise<MutationResult<KmsKeyRecord>> {
  const grant = authorize(caller, "keys.update");
  if (change.annotations) checkAnnotations(change.annotations, "key.annotations");
  const decide = async (key: KmsKeyRecord) => {
    if (change.rotationPeriodDays !== undefined) checkRotationAllowed(key);
    return Object.keys(change).length === 0 ? undefined : change;
  };
  try {
    return await changeKey(deps, caller, grant, input, decide);
  } catch (error) {
    const isTaken = ["kms_key_live_name", "kms_key_live_slug"].some((index) => isUniqueViolation(error, index));
    if (change.name === undefined || !isTaken) throw error;
    const { workspaceId, region } = await findKeyOrFail(deps.database, grant.workspaceId, input.kmsKeyId);
    throw await keyNameTaken(deps.database, caller, { workspaceId, region, name: change.name });
  }
}
