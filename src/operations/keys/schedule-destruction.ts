// ScheduleKeyDestruction: values under the key are unreadable immediately; a job destroys the key after the time.

import type { KmsKeyRecord } from "../../domain/key/kms-key.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import { authorize } from "../../steps/authorize.ts";
import { type ChangeKeyDeps, type ChangeKeyInput, changeKey } from "../../steps/keys/change-key.ts";
import type { MutationResult } from "../../steps/mutation.ts";

export interface ScheduleDestructionInput extends ChangeKeyInput {
  /** Undefined: 30 days. */
  destroyAfterMs: number | undefined;
}

const destroyAfterDefaultMs = 30 * 86_400_000;

/** Fails as `changeKey` does. A key that is already scheduled keeps its time. */
export async function scheduleKeyDestruction(
  deps: ChangeKeyDeps,
  caller: Caller,
  { destroyAfterMs = destroyAfterDefaultMs, ...input }: ScheduleDestructionInput,
): Promise<MutationResult<KmsKeyRecord>> {
  const grant = authorize(caller, "keys.destroy");
  return changeKey(deps, caller, grant, input, async ({ state }) =>
    state === "PENDING_DESTRUCTION" ? undefined : { state: "PENDING_DESTRUCTION", destroyAfterMs },
  );
}
