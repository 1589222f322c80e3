// GetSandbox: reads a sandbox with its bindings and variables.

import { sandboxNotFound } from "../../domain/egress/sandbox.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import type { Deps } from "../../runtime/deps.ts";
import { authorize, holds } from "../../steps/authorize.ts";
import { type EnvVars, type OpenEnvVarsDeps, openEnvVars } from "../../steps/egress/env-vars.ts";
import { type SandboxView, sandboxViews } from "../../steps/egress/sandbox-view.ts";
import { findSandbox } from "../../store/sandboxes.ts";

/** Shows placeholders only to callers who may bind the secrets. Fails with SANDBOX_NOT_FOUND, KEY_NOT_ACTIVE or VALUE_CORRUPT. */
export async function getSandbox(
  deps: Pick<Deps, "database"> & OpenEnvVarsDeps,
  caller: Caller,
  sandboxId: string,
): Promise<{ sandbox: SandboxView; envVars: EnvVars }> {
  const { workspaceId } = authorize(caller, "egress.read");
  const stored = await findSandbox(deps.database, workspaceId, sandboxId);
  if (!stored) throw sandboxNotFound();
  const [sandbox] = await sandboxViews(deps.database, workspaceId, [stored], holds(caller, "egress.bind"));
  return { sandbox: sandbox as SandboxView, envVars: await openEnvVars(deps, stored) };
}
