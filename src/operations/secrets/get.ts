// GetSecret: a secret without its value.
import type { Deps } from "../../deps.ts";
import type { Caller } from "../../domain/caller.ts";
import type { Secret } from "../../domain/secret.ts";
import { authorize } from "../authorize.ts";
import { findSecretOrFail } from "./find.ts";
import { refOf, type SecretRefInput } from "./secret-ref.ts";

/** Fails with SECRET_NOT_FOUND. */
export async function getSecret(
  deps: Pick<Deps, "database" | "regions">,
  caller: Caller,
  input: SecretRefInput,
): Promise<Secret> {
  const { workspaceId } = authorize(caller, "secrets.read");
  return findSecretOrFail(deps.database, workspaceId, refOf(deps, input));
}
