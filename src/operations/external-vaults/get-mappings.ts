// GetFieldMappings: returns the references of a version to callers who may see the version. The vault is not called.

import { readPolicyText } from "../../domain/access/access-policy.ts";
import { CofferError } from "../../domain/error/errors.ts";
import type { SecretVersion } from "../../domain/secret/version.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import type { Deps } from "../../runtime/deps.ts";
import { authorizeFound } from "../../steps/authorize.ts";
import { mappingsOf } from "../../steps/external-vaults/resolve-reference.ts";
import { authorizeSecret } from "../../steps/secrets/authorize-secret.ts";
import { openSealed } from "../../steps/secrets/open-sealed.ts";
import { type ReportDeps, reportCorrupt } from "../../steps/secrets/report-corrupt.ts";
import { readSealedReference } from "../../store/read-for-use.ts";

type GetMappingsDeps = ReportDeps &
  Pick<Deps, "database" | "regions" | "deploymentKeys" | "deploymentId" | "keyMaterial">;

/**
 * Returns the vault's name of each part. Undefined for a version that is not a reference, or that cannot be opened now: destroyed, of a
 * deleted secret, or under a key that is not active. Fails with VALUE_CORRUPT.
 */
export async function getFieldMappings(
  deps: GetMappingsDeps,
  caller: Caller,
  {
    vaultConnectionId,
    secretId,
    versionNumber,
  }: Pick<SecretVersion, "vaultConnectionId" | "secretId" | "versionNumber">,
): Promise<Record<string, string> | undefined> {
  if (vaultConnectionId === undefined) return undefined;
  const grant = await authorizeSecret(deps, caller, "versions.read", { id: secretId });
  const sealed = await readSealedReference(deps.database, grant, secretId, versionNumber);
  if (!sealed?.version?.envelope) return undefined;
  authorizeFound(caller, "versions.read", {
    ...sealed.secret,
    accessPolicy: readPolicyText(sealed.secret.accessPolicyText),
  });
  try {
    return Object.fromEntries(mappingsOf(await openSealed(deps, sealed)));
  } catch (error) {
    if (error instanceof CofferError && error.reason === "KEY_NOT_ACTIVE") return undefined;
    const subject = { resourceType: "secret", resourceId: secretId, versionNumber } as const;
    return reportCorrupt(deps, caller, grant, subject, error);
  }
}
