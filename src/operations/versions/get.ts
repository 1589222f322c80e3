// GetSecretVersion: a version without its value.
import type { Deps } from "../../deps.ts";
import type { Caller } from "../../domain/caller.ts";
import { parseVersionRef, type SecretVersion } from "../../domain/version.ts";
import { authorizeFound } from "../authorize.ts";
import { authorizeSecret } from "../secrets/authorize-secret.ts";
import { findSecretOrFail } from "../secrets/find.ts";
import { refOf, type SecretRefInput } from "../secrets/secret-ref.ts";
import { findVersionOrFail } from "./find.ts";

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
