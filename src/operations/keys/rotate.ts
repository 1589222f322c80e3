// RotateKey: a new key version for new writes.
import type { Caller } from "../../domain/caller.ts";
import { checkKeyActive, type KmsKeyRecord } from "../../domain/kms-key.ts";
import { authorize } from "../authorize.ts";
import type { Outcome } from "../mutation.ts";
import { type ChangeKeyDeps, type ChangeKeyInput, changeKey } from "./change-key.ts";
import { createPrimaryVersion, type NewVersionDeps } from "./new-version.ts";

/** Fails with KEY_NOT_ACTIVE and what `changeKey` fails with. */
export async function rotateKey(
  deps: ChangeKeyDeps & NewVersionDeps,
  caller: Caller,
  input: ChangeKeyInput,
): Promise<Outcome<KmsKeyRecord>> {
  const grant = authorize(caller, "keys.rotate");
  return changeKey(deps, caller, grant, input, async (key, tx) => {
    checkKeyActive(key);
    const primaryVersion = key.primaryVersion + 1;
    await createPrimaryVersion(deps, tx, { ...key, primaryVersion });
    return { primaryVersion };
  });
}
