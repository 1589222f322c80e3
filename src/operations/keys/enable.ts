// EnableKey: a disabled key can be used again.

import { checkKeyNotPending, type KmsKeyRecord } from "../../domain/key/kms-key.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import { authorize } from "../../steps/authorize.ts";
import { type ChangeKeyDeps, type ChangeKeyInput, changeKey } from "../../steps/keys/change-key.ts";
import type { MutationResult } from "../../steps/mutation.ts";

/** Fails with KEY_PENDING_DESTRUCTION and what `changeKey` fails with. */
export async function enableKey(
  deps: ChangeKeyDeps,
  caller: Caller,
  input: ChangeKeyInput,
): Promise<MutationResult<KmsKeyRecord>> {
  const grant = authorize(caller, "keys.enable");
  return changeKey(deps, caller, grant, input, async (key) => {
    checkKeyNotPending(key);
    return key.state === "ACTIVE" ? undefined : { state: "ACTIVE" };
  });
}
