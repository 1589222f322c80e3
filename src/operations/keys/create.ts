// CreateKey: creates a key with its first version. coffer generates the material, or the caller imports it.

import { checkAll, invalidField } from "../../domain/error/errors.ts";
import { newId } from "../../domain/ids.ts";
import type { KmsKey, KmsKeyRecord } from "../../domain/key/kms-key.ts";
import { checkAnnotations } from "../../domain/secret/secret.ts";
import type { Sensitive } from "../../domain/sensitive.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import { defaultAlgorithm, isKeyAlgorithm, type KeyAlgorithm, keyAlgorithms } from "../../envelope/algorithms.ts";
import { newMaterial } from "../../envelope/new-material.ts";
import { coveredOfKmsKey, macOf } from "../../integrity/row-macs.ts";
import type { Deps } from "../../runtime/deps.ts";
import { authorize } from "../../steps/authorize.ts";
import { findKeyOrFail } from "../../steps/keys/find.ts";
import { type ImportedMaterial, importMaterial } from "../../steps/keys/import-material.ts";
import { keyNameTaken } from "../../steps/keys/name-taken.ts";
import { type NewVersionDeps, storePrimaryVersion } from "../../steps/keys/new-version.ts";
import { type MutationDeps, type MutationResult, mutate } from "../../steps/mutation.ts";
import { regionOf } from "../../steps/secrets/region.ts";
import { insertKmsKey } from "../../store/kms-keys.ts";

/** Empty region or algorithm: the default. */
export interface CreateKeyInput
  extends Pick<
    KmsKeyRecord,
    "name" | "region" | "description" | "labels" | "annotations" | "rotationPeriodDays" | "exportAllowed"
  > {
  algorithm: string;
  /** The name of the algorithm's field in the request, if it is not `algorithm`. */
  algorithmField?: string;
  /** Undefined: coffer generates the material. */
  imported: ImportedMaterial | undefined;
}

export type CreateKeyDeps = MutationDeps & NewVersionDeps & Pick<Deps, "regions" | "deploymentKeys">;

/** Fails with KEY_NAME_TAKEN or FIELD_INVALID. */
export async function createKey(
  deps: CreateKeyDeps,
  caller: Caller,
  input: CreateKeyInput,
): Promise<MutationResult<KmsKeyRecord>> {
  const grant = authorize(caller, "keys.create");
  const { workspaceId } = grant;
  const algorithm = input.algorithm === "" ? defaultAlgorithm : input.algorithm;
  checkAll(
    () => regionOf(deps, input.region),
    () => checkAlgorithm(algorithm, input.algorithmField),
    () => checkRotation(input),
    () => checkAnnotations(input.annotations, "annotations"),
  );
  const region = regionOf(deps, input.region);
  const { name, description, labels, annotations, rotationPeriodDays, exportAllowed, imported } = input;
  const rotationAllowed = imported === undefined || imported.allowRotation;
  const settings = { description, labels, annotations, rotationPeriodDays, imported: !!imported, rotationAllowed };
  const kmsKeyId = newId("kms", deps.now(), deps.random);
  const key: KmsKey = {
    ...{ workspaceId, kmsKeyId, region, name, algorithm, exportAllowed },
    ...{ state: "ACTIVE", primaryVersion: 1 },
  };
  let made: Sensitive | undefined;
  try {
    return await mutate(deps, caller, {
      grant,
      async prepare() {
        const material = await materialOf(deps, key, checkAlgorithm(algorithm), imported);
        made = material;
        return { subject: { resourceType: "kms_key", resourceId: kmsKeyId }, material };
      },
      async apply(tx, { material }) {
        const mac = macOf(deps.deploymentKeys, coveredOfKmsKey(key));
        if (!(await insertKmsKey(tx, { ...key, mac }, settings))) throw await keyNameTaken(tx, caller, key);
        await storePrimaryVersion(deps, tx, key, material);
        return findKeyOrFail(tx, workspaceId, kmsKeyId);
      },
      replay: (sql, id) => findKeyOrFail(sql, workspaceId, id),
    });
  } finally {
    made?.zero();
  }
}

function materialOf(
  deps: CreateKeyDeps,
  key: KmsKey,
  algorithm: KeyAlgorithm,
  imported: ImportedMaterial | undefined,
): Promise<Sensitive> {
  return imported ? importMaterial(deps, key, algorithm, imported) : newMaterial(algorithm, deps.random);
}

function checkAlgorithm(algorithm: string, field = "algorithm"): KeyAlgorithm {
  if (isKeyAlgorithm(algorithm)) return algorithm;
  throw invalidField(field, `must be one of ${keyAlgorithms.join(", ")}`);
}

function checkRotation({ imported, rotationPeriodDays }: CreateKeyInput): void {
  if (!imported || imported.allowRotation || rotationPeriodDays === undefined) return;
  throw invalidField("rotation_period", "cannot be set, because the key is imported without leave to be rotated");
}
