// Makes the row of a new version: enabled, with its MAC.

import { coveredOfVersion, macOf } from "../../integrity/row-macs.ts";
import type { Deps } from "../../runtime/deps.ts";
import type { NewVersion } from "../../store/versions.ts";

export function newEnabledVersion(
  { deploymentKeys }: Pick<Deps, "deploymentKeys">,
  version: Omit<NewVersion, "mac" | "state">,
): NewVersion {
  const row = { ...version, state: "ENABLED" } as const;
  return { ...row, mac: macOf(deploymentKeys, coveredOfVersion(row)) };
}
