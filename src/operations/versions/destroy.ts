// DestroySecretVersion: its value and wrapped key are gone for good.
import type { Caller } from "../../domain/caller.ts";
import type { SecretVersion } from "../../domain/version.ts";
import { authorize } from "../authorize.ts";
import type { Outcome } from "../mutation.ts";
import { type ChangeStateDeps, type ChangeStateInput, changeVersionState } from "./change-state.ts";

/** Fails with SECRET_NOT_FOUND, VERSION_NOT_FOUND, ETAG_MISMATCH, SECRET_SOFT_DELETED. */
export async function destroySecretVersion(
  deps: ChangeStateDeps,
  caller: Caller,
  input: ChangeStateInput,
): Promise<Outcome<SecretVersion>> {
  return changeVersionState(deps, caller, authorize(caller, "versions.destroy"), "DESTROYED", input);
}
