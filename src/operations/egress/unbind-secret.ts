// UnbindSecret: removes a secret from a sandbox and ends its placeholder.

import { bindingNotFound, sandboxNotFound } from "../../domain/egress/sandbox.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import { authorize } from "../../steps/authorize.ts";
import { type MutationDeps, type MutationResult, mutate } from "../../steps/mutation.ts";
import { revokeBinding } from "../../store/sandbox-bindings.ts";
import { lockSandbox } from "../../store/sandboxes.ts";

/** Fails with SANDBOX_NOT_FOUND or BINDING_NOT_FOUND. */
export async function unbindSecret(
  deps: MutationDeps,
  caller: Caller,
  { sandboxId, envKey }: { sandboxId: string; envKey: string },
): Promise<MutationResult<void>> {
  const grant = authorize(caller, "egress.unbind");
  const { workspaceId } = grant;
  return mutate(deps, caller, {
    grant,
    prepare: async () => ({ subject: { resourceType: "sandbox", resourceId: sandboxId } }),
    async apply(tx) {
      if (!(await lockSandbox(tx, workspaceId, sandboxId))) throw sandboxNotFound();
      if (!(await revokeBinding(tx, { workspaceId, sandboxId, envKey }))) throw bindingNotFound();
    },
    replay: async () => {},
  });
}
