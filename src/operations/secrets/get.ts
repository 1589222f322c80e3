// GetSecret: a secret without its value.
import type { Deps } from "../../deps.ts";
import type { Caller } from "../../domain/caller.ts";
import type { Secret } from "../../domain/secret.ts";
import { authorizeFound } from "../authorize.ts";
import { authorizeSecret } from "./authorize-secret.ts";
import { findSecretOrFail } from "./find.ts";
import { refOf, type SecretRefInput } from "./secret-ref.ts";

/** Fails with SECRET_NOT_FOUND. */
export async function getSecret(
  deps: Pick<Deps, "database" | "regions" | "deploymentKeys">,
  caller: Caller,
  input: SecretRefInput,
): Promise<Secret> {
  const { workspaceId } = await authorizeSecret(deps, caller, "secrets.read", input);
  const secret = await findSecretOrFail(deps, deps.database, workspaceId, refOf(deps, input));
  authorizeFound(caller, "secrets.read", secret);
  return secret;
}
