// Makes the newest enabled version of a locked secret its current one, after the state of a version has changed.

import { valueCorrupt } from "../../envelope/corrupt.ts";
import { checkAuthentic, coveredOfSecret, coveredOfVersion, macOf } from "../../integrity/row-macs.ts";
import type { Deps } from "../../runtime/deps.ts";
import type { Tx } from "../../store/database.ts";
import type { StoredSecret } from "../../store/rows/secret.ts";
import type { StoredVersion } from "../../store/rows/secret-version.ts";
import { findNewestVersions, setCurrentVersion } from "../../store/versions.ts";

/** Fails with VALUE_CORRUPT if SQL has changed or removed a version: otherwise an older version would become current. */
export async function refreshCurrentVersion(
  { deploymentKeys }: Pick<Deps, "deploymentKeys">,
  tx: Tx,
  secret: StoredSecret,
): Promise<void> {
  const newest = await findNewestVersions(tx, secret);
  for (const version of newest) checkAuthentic(deploymentKeys, coveredOfVersion(version), version.mac);
  if (newest.some(({ versionNumber }, index) => versionNumber !== secret.versionCount - index)) throw valueCorrupt();
  const currentVersion = currentOf(newest);
  if (currentVersion === 0 && newest.length !== secret.versionCount) throw valueCorrupt();
  const next = { ...secret, currentVersion };
  await setCurrentVersion(tx, { ...next, rowMac: macOf(deploymentKeys, coveredOfSecret(next)) });
}

/** Returns the number of the last version if it is enabled, else 0. Only the last may be enabled. */
function currentOf(newest: readonly StoredVersion[]): number {
  const last = newest.at(-1);
  return last?.state === "ENABLED" ? last.versionNumber : 0;
}
