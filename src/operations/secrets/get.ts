// GetSecret: a secret without its value.

import type { Secret } from "../../domain/secret/secret.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import type { Deps } from "../../runtime/deps.ts";
import { authorizeFound } from "../../steps/authorize.ts";
import { authorizeSecret } from "../../steps/secrets/authorize-secret.ts";
import { readSecretOrFail } from "../../steps/secrets/find.ts";
import { refOf, type SecretRefInput } from "../../steps/secrets/secret-ref.ts";

/** Fails with SECRET_NOT_FOUND. */
export async function getSecret(
  deps: Pick<Deps, "secretReader" | "database" | "regions" | "deploymentKeys">,
  caller: Caller,
  input: SecretRefInput,
): Promise<Secret> {
  const { workspaceId } = await authorizeSecret(deps, caller, "secrets.read", input);
  const secret = await readSecretOrFail(deps, workspaceId, refOf(deps, input));
  authorizeFound(caller, "secrets.read", secret);
  return secret;
}
