// A version as every version begins: enabled, under a MAC.

import { coveredOfVersion, macOf } from "../../integrity/row-macs.ts";
import type { Deps } from "../../runtime/deps.ts";
import type { NewVersion } from "../../store/versions.ts";

export function newEnabledVersion(
  { deploymentKeys }: Pick<Deps, "deploymentKeys">,
  version: Omit<NewVersion, "mac">,
): NewVersion {
  return { ...version, mac: macOf(deploymentKeys, coveredOfVersion({ ...version, state: "ENABLED" })) };
}
