// ListSecretSandboxes: lists the bindings of a secret.

import type { Caller } from "../../domain/workspace/caller.ts";
import type { Deps } from "../../runtime/deps.ts";
import { authorize } from "../../steps/authorize.ts";
import { type BoundSandbox, listBoundSandboxes } from "../../store/sandbox-bindings.ts";

/** Sorted by sandbox and environment variable. */
export async function listSecretSandboxes(
  deps: Pick<Deps, "database">,
  caller: Caller,
  secretId: string,
): Promise<BoundSandbox[]> {
  const { workspaceId } = authorize(caller, "egress.read");
  return listBoundSandboxes(deps.database, workspaceId, secretId);
}
