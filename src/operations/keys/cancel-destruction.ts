// CancelKeyDestruction: leaves the key disabled, or active if the caller asks for it.

import type { KmsKeyRecord } from "../../domain/key/kms-key.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import { authorize } from "../../steps/authorize.ts";
import { type ChangeKeyDeps, type ChangeKeyInput, changeKey } from "../../steps/keys/change-key.ts";
import type { MutationResult } from "../../steps/mutation.ts";

export interface CancelDestructionInput extends ChangeKeyInput {
  /** Whether the key becomes active. This also requires `keys.enable`. */
  enables?: boolean;
}

/** Fails as `changeKey` does; with KEY_DESTROYED also when the time has passed. */
export async function cancelKeyDestruction(
  deps: ChangeKeyDeps,
  caller: Caller,
  { enables = false, ...input }: CancelDestructionInput,
): Promise<MutationResult<KmsKeyRecord>> {
  const grant = authorize(caller, "keys.destroy");
  if (enables) authorize(caller, "keys.enable");
  // The key may have been disabled before, so it becomes active only on request.
  return changeKey(deps, caller, grant, input, async ({ state }) =>
    state === "PENDING_DESTRUCTION" ? { state: enables ? "ACTIVE" : "DISABLED" } : undefined,
  );
}
