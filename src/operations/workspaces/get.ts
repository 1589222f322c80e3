// GetWorkspace: the workspace that the call is about.
import type { Deps } from "../../deps.ts";
import type { Caller } from "../../domain/caller.ts";
import type { Workspace } from "../../domain/workspace.ts";
import { authorize } from "../authorize.ts";
import { findWorkspaceOrFail } from "./find.ts";

export async function getWorkspace(deps: Pick<Deps, "database">, caller: Caller): Promise<Workspace> {
  const { workspaceId } = authorize(caller, "workspace.read");
  return findWorkspaceOrFail(deps.database, workspaceId);
}
