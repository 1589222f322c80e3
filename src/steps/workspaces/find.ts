// Finds a workspace, or fails.
import { CofferError } from "../../domain/error/errors.ts";
import type { Workspace } from "../../domain/workspace/workspace.ts";
import type { Sql } from "../../store/database.ts";
import { findWorkspaces } from "../../store/workspaces.ts";

export async function findWorkspaceOrFail(sql: Sql, workspaceId: string): Promise<Workspace> {
  const [workspace] = await findWorkspaces(sql, [workspaceId]);
  if (!workspace) throw workspaceNotFound();
  return workspace;
}

export function workspaceNotFound(): CofferError {
  return new CofferError("WORKSPACE_NOT_FOUND", "there is no such workspace");
}
