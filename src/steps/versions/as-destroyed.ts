// Signs versions in their destroyed state.

import type { SecretVersion } from "../../domain/secret/version.ts";
import { coveredOfVersion, macOf } from "../../integrity/row-macs.ts";
import type { Deps } from "../../runtime/deps.ts";
import type { DestroyedVersion } from "../../store/destroy-versions.ts";

export function asDestroyed(
  { deploymentKeys }: Pick<Deps, "deploymentKeys">,
  versions: readonly SecretVersion[],
): DestroyedVersion[] {
  return versions.map((version) => ({
    ...version,
    mac: macOf(deploymentKeys, coveredOfVersion({ ...version, state: "DESTROYED" })),
  }));
}
