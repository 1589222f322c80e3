// GetSandbox: a sandbox and what is bound to it.
import type { Deps } from "../../deps.ts";
import type { Caller } from "../../domain/caller.ts";
import { authorize, holds } from "../authorize.ts";
import { type SandboxView, sandboxView } from "./sandbox-view.ts";

/** Placeholders are for those who could bind the secrets. Fails with SANDBOX_NOT_FOUND. */
export async function getSandbox(
  deps: Pick<Deps, "database">,
  caller: Caller,
  sandboxId: string,
): Promise<SandboxView> {
  const { workspaceId } = authorize(caller, "egress.read");
  return sandboxView(deps.database, workspaceId, sandboxId, holds(caller, "egress.bind"));
}
