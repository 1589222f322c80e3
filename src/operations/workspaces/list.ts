// ListWorkspaces: every workspace that the token reaches and may read.

import type { Caller } from "../../domain/workspace/caller.ts";
import type { Workspace } from "../../domain/workspace/workspace.ts";
import type { Deps } from "../../runtime/deps.ts";
import { findWorkspaces } from "../../store/workspaces.ts";

export async function listWorkspaces(deps: Pick<Deps, "database">, caller: Caller): Promise<Workspace[]> {
  const readable = caller.memberships.filter(({ permissions }) => permissions.has("workspace.read"));
  return findWorkspaces(
    deps.database,
    readable.map(({ workspaceId }) => workspaceId),
  );
}
