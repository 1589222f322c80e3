// The `default` key that every workspace has in every region.

import { newId } from "../../domain/ids.ts";
import { defaultKeyName, type KmsKey } from "../../domain/key/kms-key.ts";
import { defaultAlgorithm } from "../../envelope/algorithms.ts";
import { coveredOfKmsKey, macOf } from "../../integrity/row-macs.ts";
import type { Deps } from "../../runtime/deps.ts";
import type { Tx } from "../../store/database.ts";
import { insertKmsKey } from "../../store/kms-keys.ts";
import { createPrimaryVersion, type NewVersionDeps } from "./new-version.ts";

type KeyDeps = NewVersionDeps & Pick<Deps, "now" | "deploymentKeys">;

/** Creates the default key of a region, unless the workspace has it. */
export async function createDefaultKey(deps: KeyDeps, tx: Tx, workspaceId: string, region: string): Promise<void> {
  const key: KmsKey = {
    workspaceId,
    kmsKeyId: newId("kms", deps.now(), deps.random),
    region,
    name: defaultKeyName,
    algorithm: defaultAlgorithm,
    state: "ACTIVE",
    primaryVersion: 1,
    exportAllowed: false,
  };
  const inserted = await insertKmsKey(tx, { ...key, mac: macOf(deps.deploymentKeys, coveredOfKmsKey(key)) });
  if (!inserted) return;
  await createPrimaryVersion(deps, tx, key);
}
