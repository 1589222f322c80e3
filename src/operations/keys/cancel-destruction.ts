// CancelKeyDestruction: in time, it leaves the key disabled, or active where that is asked for.

import type { KmsKeyRecord } from "../../domain/key/kms-key.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import { authorize } from "../../steps/authorize.ts";
import { type ChangeKeyDeps, type ChangeKeyInput, changeKey } from "../../steps/keys/change-key.ts";
import type { MutationResult } from "../../steps/mutation.ts";

export interface CancelDestructionInput extends ChangeKeyInput {
  /** Whether the key becomes active, whatever it was before; that needs `keys.enable` too. */
  enables?: boolean;
}

/** Fails with what `changeKey` fails with: KEY_DESTROYED also once the time has come. */
export async function cancelKeyDestruction(
  deps: ChangeKeyDeps,
  caller: Caller,
  { enables = false, ...input }: CancelDestructionInput,
): Promise<MutationResult<KmsKeyRecord>> {
  const grant = authorize(caller, "keys.destroy");
  if (enables) authorize(caller, "keys.enable");
  // Disabled, not active, unless asked for: it may have been disabled before, and nothing comes back to use unasked.
  return changeKey(deps, caller, grant, input, async ({ state }) =>
    state === "PENDING_DESTRUCTION" ? { state: enables ? "ACTIVE" : "DISABLED" } : undefined,
  );
}
