// GetSandbox: a sandbox, what is bound to it, and its variables.
import type { Deps } from "../../deps.ts";
import type { Caller } from "../../domain/caller.ts";
import { sandboxNotFound } from "../../domain/egress/sandbox.ts";
import { findSandbox } from "../../store/sandboxes.ts";
import { authorize, holds } from "../authorize.ts";
import { type EnvVars, type OpenEnvVarsDeps, openEnvVars } from "./env-vars.ts";
import { type SandboxView, sandboxViews } from "./sandbox-view.ts";

/** Placeholders are for those who could bind the secrets. Fails with SANDBOX_NOT_FOUND, KEY_NOT_ACTIVE or VALUE_CORRUPT. */
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
