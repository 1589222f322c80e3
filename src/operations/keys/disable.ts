// DisableKey: opens and seals nothing from the next call on, on every instance.
import type { Caller } from "../../domain/caller.ts";
import { checkKeyNotPending, type KmsKeyRecord } from "../../domain/kms-key.ts";
import { authorize } from "../authorize.ts";
import type { Outcome } from "../mutation.ts";
import { type ChangeKeyDeps, type ChangeKeyInput, changeKey } from "./change-key.ts";

/** Fails with KEY_PENDING_DESTRUCTION and what `changeKey` fails with. */
export async function disableKey(
  deps: ChangeKeyDeps,
  caller: Caller,
  input: ChangeKeyInput,
): Promise<Outcome<KmsKeyRecord>> {
  const grant = authorize(caller, "keys.disable");
  return changeKey(deps, caller, grant, input, async (key) => {
    checkKeyNotPending(key);
    return key.state === "DISABLED" ? undefined : { state: "DISABLED" };
  });
}
