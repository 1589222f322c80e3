// Where a secret is bound.
import type { Deps } from "../../deps.ts";
import type { Caller } from "../../domain/caller.ts";
import { type BoundSandbox, listBoundSandboxes } from "../../store/sandbox-bindings.ts";
import { authorize } from "../authorize.ts";

/** By sandbox and environment variable. */
export async function listSecretSandboxes(
  deps: Pick<Deps, "database">,
  caller: Caller,
  secretId: string,
): Promise<BoundSandbox[]> {
  const { workspaceId } = authorize(caller, "egress.read");
  return listBoundSandboxes(deps.database, workspaceId, secretId);
}
