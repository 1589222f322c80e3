// DestroySecretVersion: deletes the value and wrapped key permanently: immediately, or at a later time until which the version is disabled.

import type { SecretVersion } from "../../domain/secret/version.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import type { MutationResult } from "../../steps/mutation.ts";
import { type ChangeStateDeps, type ChangeStateInput, changeVersionState } from "../../steps/versions/change-state.ts";

export interface DestroyVersionInput extends ChangeStateInput {
  /** Milliseconds from now by the database's clock; undefined: at once. */
  destroyAfterMs: number | undefined;
}

/**
 * Fails with SECRET_NOT_FOUND, VERSION_NOT_FOUND, ETAG_MISMATCH, SECRET_SOFT_DELETED, or VERSION_ALREADY_DESTROYED if it should
 * be postponed and its time has come.
 */
export async function destroySecretVersion(
  deps: ChangeStateDeps,
  caller: Caller,
  input: DestroyVersionInput,
): Promise<MutationResult<SecretVersion>> {
  const { destroyAfterMs } = input;
  const state = destroyAfterMs === undefined ? "DESTROYED" : "DISABLED";
  return changeVersionState(deps, caller, "versions.destroy", { state, destroyAfterMs }, input);
}
