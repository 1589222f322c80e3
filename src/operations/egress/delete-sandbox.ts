// DeleteSandbox: its token and placeholders are worth nothing from now on.
import type { Caller } from "../../domain/caller.ts";
import { sandboxNotFound } from "../../domain/egress/sandbox.ts";
import { lockSandbox, deleteSandbox as markDeleted } from "../../store/sandboxes.ts";
import { authorize } from "../authorize.ts";
import { type MutationDeps, mutate, type Outcome } from "../mutation.ts";

/** Fails with SANDBOX_NOT_FOUND. */
export async function deleteSandbox(deps: MutationDeps, caller: Caller, sandboxId: string): Promise<Outcome<void>> {
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
