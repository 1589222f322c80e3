// DisableSecretVersion: its value cannot be read until it is enabled again.

import type { SecretVersion } from "../../domain/secret/version.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import type { MutationResult } from "../../steps/mutation.ts";
import { type ChangeStateDeps, type ChangeStateInput, changeVersionState } from "../../steps/versions/change-state.ts";

/** Fails with SECRET_NOT_FOUND, VERSION_NOT_FOUND, ETAG_MISMATCH, SECRET_SOFT_DELETED or VERSION_ALREADY_DESTROYED. */
export async function disableSecretVersion(
  deps: ChangeStateDeps,
  caller: Caller,
  input: ChangeStateInput,
): Promise<MutationResult<SecretVersion>> {
  return changeVersionState(deps, caller, "versions.disable", { state: "DISABLED" }, input);
}
