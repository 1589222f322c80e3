// Inserts a version as every version begins: enabled, under a MAC.
import type { Deps } from "../../deps.ts";
import type { SecretVersion } from "../../domain/version.ts";
import type { Tx } from "../../store/database.ts";
import { insertVersion, type NewVersion } from "../../store/versions.ts";
import { coveredOfVersion, macOf } from "../row-macs.ts";

export function insertEnabledVersion(
  { deploymentKeys }: Pick<Deps, "deploymentKeys">,
  tx: Tx,
  version: Omit<NewVersion, "mac">,
): Promise<SecretVersion> {
  const mac = macOf(deploymentKeys, coveredOfVersion({ ...version, state: "ENABLED" }));
  return insertVersion(tx, { ...version, mac });
}
