// Inserts a workspace with its first member and its default keys.

import { unmatchedDefault } from "../../domain/egress/sandbox.ts";
import type { Member, Workspace } from "../../domain/workspace/workspace.ts";
import { coveredOfMember, coveredOfWorkspace, macOf } from "../../integrity/row-macs.ts";
import type { Deps } from "../../runtime/deps.ts";
import type { Tx } from "../../store/database.ts";
import { insertMember, insertWorkspace } from "../../store/workspaces.ts";
import { createDefaultKey } from "../keys/default-key.ts";

export type WorkspaceRowsDeps = Pick<
  Deps,
  "now" | "random" | "keyring" | "deploymentId" | "deploymentKeys" | "regions"
>;

/** Inserts a workspace whose owner is `principalId`. */
export async function createWorkspaceRows(
  deps: WorkspaceRowsDeps,
  tx: Tx,
  plan: Pick<Workspace, "workspaceId" | "displayName" | "purgeRetentionDays" | "tier"> & { principalId: string },
): Promise<Workspace> {
  const { workspaceId, principalId } = plan;
  const row = { ...plan, egressUnmatched: unmatchedDefault };
  const workspace = await insertWorkspace(tx, { ...row, mac: macOf(deps.deploymentKeys, coveredOfWorkspace(row)) });
  const member: Member = { workspaceId, principalId, role: "OWNER" };
  await insertMember(tx, { ...member, mac: macOf(deps.deploymentKeys, coveredOfMember(member)) });
  for (const region of deps.regions) await createDefaultKey(deps, tx, workspaceId, region);
  return workspace;
}
