// DisableKey: opens and seals nothing from the next call on, on every instance.

import { checkKeyNotPending, type KmsKeyRecord } from "../../domain/key/kms-key.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import { authorize } from "../../steps/authorize.ts";
import { type ChangeKeyDeps, type ChangeKeyInput, changeKey } from "../../steps/keys/change-key.ts";
import type { MutationResult } from "../../steps/mutation.ts";

/** Fails with KEY_PENDING_DESTRUCTION and what `changeKey` fails with. */
export async function disableKey(
  deps: ChangeKeyDeps,
  caller: Caller,
  input: ChangeKeyInput,
): Promise<MutationResult<KmsKeyRecord>> {
  const grant = authorize(caller, "keys.disable");
  return changeKey(deps, caller, grant, input, async (key) => {
    checkKeyNotPending(key);
    return key.state === "DISABLED" ? undefined : { state: "DISABLED" };
  });
}
