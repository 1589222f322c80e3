// A version as every version begins: enabled, under a MAC.
import type { Deps } from "../../deps.ts";
import type { NewVersion } from "../../store/versions.ts";
import { coveredOfVersion, macOf } from "../row-macs.ts";

export function newEnabledVersion(
  { deploymentKeys }: Pick<Deps, "deploymentKeys">,
  version: Omit<NewVersion, "mac">,
): NewVersion {
  return { ...version, mac: macOf(deploymentKeys, coveredOfVersion({ ...version, state: "ENABLED" })) };
}
