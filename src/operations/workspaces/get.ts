// GetWorkspace: the workspace that the call is about.

import type { Caller } from "../../domain/workspace/caller.ts";
import type { Workspace } from "../../domain/workspace/workspace.ts";
import type { Deps } from "../../runtime/deps.ts";
import { authorize } from "../../steps/authorize.ts";
import { findWorkspaceOrFail } from "../../steps/workspaces/find.ts";

export async function getWorkspace(deps: Pick<Deps, "database">, caller: Caller): Promise<Workspace> {
  const { workspaceId } = authorize(caller, "workspace.read");
  return findWorkspaceOrFail(deps.database, workspaceId);
}
