// RotateKey: makes a new key version, which new writes, encryptions and signatures use.

import { CofferError } from "../../domain/error/errors.ts";
import { checkKeyActive, checkRotationAllowed, type KmsKeyRecord } from "../../domain/key/kms-key.ts";
import type { Sensitive } from "../../domain/sensitive.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import { authorize } from "../../steps/authorize.ts";
import { type ChangeKeyDeps, type ChangeKeyInput, changeKey } from "../../steps/keys/change-key.ts";
import {
  createPrimaryVersion,
  materialFor,
  type NewVersionDeps,
  slowAlgorithms,
  storePrimaryVersion,
} from "../../steps/keys/new-version.ts";
import type { MutationResult } from "../../steps/mutation.ts";
import { findKeyRecord } from "../../store/kms-key-records.ts";

/** Fails with KEY_NOT_ACTIVE, KEY_NOT_ROTATABLE and what `changeKey` fails with. */
export async function rotateKey(
  deps: ChangeKeyDeps & NewVersionDeps,
  caller: Caller,
  input: ChangeKeyInput,
): Promise<MutationResult<KmsKeyRecord>> {
  const grant = authorize(caller, "keys.rotate");
  let material: Sensitive | undefined;
  const ahead = async () => {
    const key = await findKeyRecord(deps.database, grant.workspaceId, input.kmsKeyId);
    if (key && isRotatable(key)) material = await slowMaterial(deps, key);
  };
  const decide = async (key: KmsKeyRecord, tx: Parameters<typeof createPrimaryVersion>[1]) => {
    checkKeyActive(key);
    checkRotationAllowed(key);
    const primaryVersion = key.primaryVersion + 1;
    if (material) await storePrimaryVersion(deps, tx, { ...key, primaryVersion }, material);
    else if (isSlow(key)) throw changedMeanwhile(key);
    else await createPrimaryVersion(deps, tx, { ...key, primaryVersion });
    return { primaryVersion };
  };
  try {
    return await changeKey(deps, caller, grant, input, decide, ahead);
  } finally {
    material?.zero();
  }
}

function isRotatable({ state, rotationAllowed }: KmsKeyRecord): boolean {
  return state === "ACTIVE" && rotationAllowed;
}

function isSlow({ algorithm }: KmsKeyRecord): boolean {
  return slowAlgorithms.some((slow) => slow === algorithm);
}

/** Generates slow material before the transaction; undefined: the transaction generates it. */
async function slowMaterial(deps: NewVersionDeps, key: KmsKeyRecord): Promise<Sensitive | undefined> {
  return isSlow(key) ? materialFor(deps, key) : undefined;
}

/** The key became active after the point at which its material would have been generated. */
function changedMeanwhile({ kmsKeyId }: KmsKeyRecord): CofferError {
  const message = `key ${kmsKeyId} was changed at the same time; retry`;
  return new CofferError("CONCURRENT_CHANGE", message, { kms_key_id: kmsKeyId }, { retryDelayMs: 1_000 });
}
