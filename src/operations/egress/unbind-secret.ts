// UnbindSecret: what is bound to an environment variable of a sandbox is let go, and its placeholder worth nothing.
import type { Caller } from "../../domain/caller.ts";
import { bindingNotFound, sandboxNotFound } from "../../domain/egress/sandbox.ts";
import { revokeBinding } from "../../store/sandbox-bindings.ts";
import { lockSandbox } from "../../store/sandboxes.ts";
import { authorize } from "../authorize.ts";
import { type MutationDeps, mutate, type Outcome } from "../mutation.ts";

/** Fails with SANDBOX_NOT_FOUND or BINDING_NOT_FOUND. */
export async function unbindSecret(
  deps: MutationDeps,
  caller: Caller,
  { sandboxId, envKey }: { sandboxId: string; envKey: string },
): Promise<Outcome<void>> {
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
