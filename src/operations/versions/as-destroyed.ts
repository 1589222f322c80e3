// Versions as destruction leaves them, under the MACs of their new state.
import type { Deps } from "../../deps.ts";
import type { SecretVersion } from "../../domain/version.ts";
import type { DestroyedVersion } from "../../store/destroy-versions.ts";
import { coveredOfVersion, macOf } from "../row-macs.ts";

export function asDestroyed(
  { deploymentKeys }: Pick<Deps, "deploymentKeys">,
  versions: readonly SecretVersion[],
): DestroyedVersion[] {
  return versions.map((version) => ({
    ...version,
    mac: macOf(deploymentKeys, coveredOfVersion({ ...version, state: "DESTROYED" })),
  }));
}
