// CancelKeyDestruction: in time, it leaves the key disabled.
import type { Caller } from "../../domain/caller.ts";
import type { KmsKeyRecord } from "../../domain/kms-key.ts";
import { authorize } from "../authorize.ts";
import type { Outcome } from "../mutation.ts";
import { type ChangeKeyDeps, type ChangeKeyInput, changeKey } from "./change-key.ts";

/** Fails with what `changeKey` fails with: KEY_DESTROYED also once the time has come. */
export async function cancelKeyDestruction(
  deps: ChangeKeyDeps,
  caller: Caller,
  input: ChangeKeyInput,
): Promise<Outcome<KmsKeyRecord>> {
  const grant = authorize(caller, "keys.destroy");
  // Disabled, not active: it may have been disabled before, and nothing comes back to use unasked.
  return changeKey(deps, caller, grant, input, async ({ state }) =>
    state === "PENDING_DESTRUCTION" ? { state: "DISABLED" } : undefined,
  );
}
