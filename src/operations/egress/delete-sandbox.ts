// DeleteSandbox: ends the token and the placeholders of a sandbox.

import { sandboxNotFound } from "../../domain/egress/sandbox.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import { authorize } from "../../steps/authorize.ts";
import { type MutationDeps, type MutationResult, mutate } from "../../steps/mutation.ts";
import { lockSandbox, deleteSandbox as markDeleted } from "../../store/sandboxes.ts";

/** Fails with SANDBOX_NOT_FOUND. */
export async function deleteSandbox(
  deps: MutationDeps,
  caller: Caller,
  sandboxId: string,
): Promise<MutationResult<void>> {
  const grant = authorize(caller, "egress.delete");
  const { workspaceId } = grant;
  return mutate(deps, caller, {
    grant,
    prepare: async () => ({ subject: { resourceType: "sandbox", resourceId: sandboxId } }),
    async apply(tx) {
      if (!(await lockSandbox(tx, workspaceId, sandboxId))) throw sandboxNotFound();
      await markDeleted(tx, workspaceId, sandboxId);
    },
    replay: async () => {},
  });
}
