// coffer workspace list, create.
import { purgeRetentionDaysDefault, tierDefault, type Workspace } from "../domain/workspace/workspace.ts";
import { createWorkspace } from "../operations/workspaces/create.ts";
import { listWorkspaces } from "../operations/workspaces/list.ts";
import type { CommandDeps } from "./deployment.ts";
import type { Options } from "./options.ts";
import type { Shown } from "./print.ts";
import { systemCaller } from "./system-caller.ts";
import { UsageError } from "./usage.ts";

export async function listAllWorkspaces(deps: CommandDeps): Promise<Shown> {
  const workspaces = await listWorkspaces(deps, await systemCaller(deps, "workspace list", undefined));
  return { json: { workspaces: workspaces.map(jsonOf) }, rows: workspaces.map(rowOf) };
}

/** Makes a workspace and a principal that owns it, and shows the token of the principal. */
export async function createNewWorkspace(deps: CommandDeps, { name, tier = tierDefault }: Options): Promise<Shown> {
  if (name === undefined) throw new UsageError("--name is required");
  const caller = await systemCaller(deps, "workspace create", undefined);
  const plan = { displayName: name, purgeRetentionDays: purgeRetentionDaysDefault, tier };
  const { workspace, ownerToken } = (await createWorkspace(deps, caller, plan)).resource;
  return { json: { workspace: jsonOf(workspace), ownerToken }, rows: [rowOf(workspace)], last: ownerToken };
}

function jsonOf({ workspaceId: id, displayName, tier, purgeRetentionDays, createTime }: Workspace) {
  return { id, displayName, tier: tier.toLowerCase(), purgeRetentionDays, createTime };
}

function rowOf({ workspaceId, displayName, tier, createTime }: Workspace): Record<string, string> {
  return { WORKSPACE: workspaceId, NAME: displayName, TIER: tier.toLowerCase(), CREATED: createTime.toISOString() };
}
