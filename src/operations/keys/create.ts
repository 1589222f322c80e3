// CreateKey: a key with its first version, whose material coffer makes or the caller has wrapped for import.
import type { Deps } from "../../deps.ts";
import type { Caller } from "../../domain/caller.ts";
import { checkAll, invalidField } from "../../domain/errors.ts";
import { newId } from "../../domain/ids.ts";
import type { KmsKey, KmsKeyRecord } from "../../domain/kms-key.ts";
import { checkAnnotations } from "../../domain/secret.ts";
import type { Sensitive } from "../../domain/sensitive.ts";
import { defaultAlgorithm, isKeyAlgorithm, type KeyAlgorithm, keyAlgorithms } from "../../envelope/algorithms.ts";
import { newMaterial } from "../../envelope/new-material.ts";
import { insertKmsKey } from "../../store/kms-keys.ts";
import { authorize } from "../authorize.ts";
import { type MutationDeps, mutate, type Outcome } from "../mutation.ts";
import { coveredOfKmsKey, macOf } from "../row-macs.ts";
import { regionOf } from "../secrets/region.ts";
import { findKeyOrFail } from "./find.ts";
import { type ImportedMaterial, importMaterial } from "./import-material.ts";
import { keyNameTaken } from "./name-taken.ts";
import { type NewVersionDeps, storePrimaryVersion } from "./new-version.ts";

/** An empty region or algorithm is the default one. */
export interface CreateKeyInput
  extends Pick<
    KmsKeyRecord,
    "name" | "region" | "description" | "labels" | "annotations" | "rotationPeriodDays" | "exportAllowed"
  > {
  algorithm: string;
  /** The request's field for the algorithm, if it is not `algorithm`. */
  algorithmField?: string;
  /** Undefined: coffer makes the material. */
  imported: ImportedMaterial | undefined;
}

export type CreateKeyDeps = MutationDeps & NewVersionDeps & Pick<Deps, "regions" | "deploymentKeys">;

/** Fails with KEY_NAME_TAKEN or FIELD_INVALID. */
export async function createKey(
  deps: CreateKeyDeps,
  caller: Caller,
  input: CreateKeyInput,
): Promise<Outcome<KmsKeyRecord>> {
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
