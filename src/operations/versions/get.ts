// GetSecretVersion: a version without its value.

import { parseVersionRef, type SecretVersion } from "../../domain/secret/version.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import type { Deps } from "../../runtime/deps.ts";
import { authorizeFound } from "../../steps/authorize.ts";
import { authorizeSecret } from "../../steps/secrets/authorize-secret.ts";
import { findSecretOrFail } from "../../steps/secrets/find.ts";
import { refOf, type SecretRefInput } from "../../steps/secrets/secret-ref.ts";
import { findVersionOrFail } from "../../steps/versions/find.ts";

/** Fails with SECRET_NOT_FOUND or VERSION_NOT_FOUND. */
export async function getSecretVersion(
  deps: Pick<Deps, "database" | "regions" | "deploymentKeys">,
  caller: Caller,
  input: { secret: SecretRefInput; version: string },
): Promise<SecretVersion> {
  const { workspaceId } = await authorizeSecret(deps, caller, "versions.read", input.secret);
  const versionRef = parseVersionRef(input.version);
  const secret = await findSecretOrFail(deps, deps.database, workspaceId, refOf(deps, input.secret));
  authorizeFound(caller, "versions.read", secret);
  return findVersionOrFail(deps.database, secret, versionRef);
}
