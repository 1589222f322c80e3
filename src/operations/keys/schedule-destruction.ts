// ScheduleKeyDestruction: values under the key are unreadable at once, and for good when a job comes by after the time.
import type { Caller } from "../../domain/caller.ts";
import type { KmsKeyRecord } from "../../domain/kms-key.ts";
import { authorize } from "../authorize.ts";
import type { Outcome } from "../mutation.ts";
import { type ChangeKeyDeps, type ChangeKeyInput, changeKey } from "./change-key.ts";

export interface ScheduleDestructionInput extends ChangeKeyInput {
  /** Undefined: 30 days. */
  destroyAfterMs: number | undefined;
}

const destroyAfterDefaultMs = 30 * 86_400_000;

/** Fails with what `changeKey` fails with; a key that is scheduled already keeps its time. */
export async function scheduleKeyDestruction(
  deps: ChangeKeyDeps,
  caller: Caller,
  { destroyAfterMs = destroyAfterDefaultMs, ...input }: ScheduleDestructionInput,
): Promise<Outcome<KmsKeyRecord>> {
  const grant = authorize(caller, "keys.destroy");
  return changeKey(deps, caller, grant, input, async ({ state }) =>
    state === "PENDING_DESTRUCTION" ? undefined : { state: "PENDING_DESTRUCTION", destroyAfterMs },
  );
}
