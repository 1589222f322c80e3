// CreateKey: a key with its first version.
import type { Deps } from "../../deps.ts";
import type { Caller } from "../../domain/caller.ts";
import { checkAll, invalidField } from "../../domain/errors.ts";
import { newId } from "../../domain/ids.ts";
import type { KmsKey, KmsKeyRecord } from "../../domain/kms-key.ts";
import { algorithms, defaultAlgorithm, isAlgorithm } from "../../envelope/algorithms.ts";
import { insertKmsKey } from "../../store/kms-keys.ts";
import { authorize } from "../authorize.ts";
import { type MutationDeps, mutate, type Outcome } from "../mutation.ts";
import { coveredOfKmsKey, macOf } from "../row-macs.ts";
import { regionOf } from "../secrets/region.ts";
import { findKeyOrFail } from "./find.ts";
import { keyNameTaken } from "./name-taken.ts";
import { createPrimaryVersion, type NewVersionDeps } from "./new-version.ts";

/** An empty region or algorithm is the default one. */
export interface CreateKeyInput extends Pick<KmsKeyRecord, "name" | "region" | "labels" | "rotationPeriodDays"> {
  algorithm: string;
}

/** Fails with KEY_NAME_TAKEN or FIELD_INVALID. */
export async function createKey(
  deps: MutationDeps & NewVersionDeps & Pick<Deps, "regions" | "deploymentKeys">,
  caller: Caller,
  input: CreateKeyInput,
): Promise<Outcome<KmsKeyRecord>> {
  const grant = authorize(caller, "keys.create");
  const { workspaceId } = grant;
  const algorithm = input.algorithm === "" ? defaultAlgorithm : input.algorithm;
  checkAll(
    () => regionOf(deps, input.region),
    () => checkAlgorithm(algorithm),
  );
  const { name, labels, rotationPeriodDays } = input;
  const region = regionOf(deps, input.region);
  const kmsKeyId = newId("kms", deps.now(), deps.random);
  return mutate(deps, caller, {
    grant,
    prepare: async () => ({ subject: { resourceType: "kms_key", resourceId: kmsKeyId } }),
    async apply(tx) {
      const key: KmsKey = { workspaceId, kmsKeyId, region, name, algorithm, state: "ACTIVE", primaryVersion: 1 };
      const mac = macOf(deps.deploymentKeys, coveredOfKmsKey(key));
      const settings = { labels, rotationPeriodDays };
      if (!(await insertKmsKey(tx, { ...key, mac }, settings))) throw await keyNameTaken(tx, caller, key);
      await createPrimaryVersion(deps, tx, key);
      return findKeyOrFail(tx, workspaceId, kmsKeyId);
    },
    replay: (sql, id) => findKeyOrFail(sql, workspaceId, id),
  });
}

function checkAlgorithm(algorithm: string): void {
  if (!isAlgorithm(algorithm)) throw invalidField("algorithm", `must be one of ${algorithms.join(", ")}`);
}
