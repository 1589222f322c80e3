// UpdateWorkspace: changes the name, the retention of deleted secrets, the tier, and whether sandboxes may reach hosts of no bound secret.

import { checkEtag } from "../../domain/secret/secret.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import type { Workspace } from "../../domain/workspace/workspace.ts";
import { checkAuthentic, coveredOfWorkspace, macOf } from "../../integrity/row-macs.ts";
import type { Deps } from "../../runtime/deps.ts";
import { authorize } from "../../steps/authorize.ts";
import { type MutationDeps, type MutationResult, mutate } from "../../steps/mutation.ts";
import { findWorkspaceOrFail, workspaceNotFound } from "../../steps/workspaces/find.ts";
import { lockWorkspace, updateWorkspace as writeWorkspace } from "../../store/workspaces.ts";

export interface UpdateWorkspaceInput {
  etag: string | undefined;
  change: Partial<Pick<Workspace, "displayName" | "purgeRetentionDays" | "tier" | "egressUnmatched">>;
}

/** Fails with ETAG_MISMATCH or VALUE_CORRUPT. */
export async function updateWorkspace(
  deps: MutationDeps & Pick<Deps, "deploymentKeys">,
  caller: Caller,
  { etag, change }: UpdateWorkspaceInput,
): Promise<MutationResult<Workspace>> {
  const grant = authorize(caller, "workspace.update");
  // Callers who may create workspaces without a quota gain nothing from a higher tier of this one.
  if (change.tier) authorize(caller, "workspace.create");
  const { workspaceId } = grant;
  return mutate(deps, caller, {
    grant,
    prepare: async () => ({ subject: { resourceType: "workspace", resourceId: workspaceId } }),
    async apply(tx) {
      const workspace = await lockWorkspace(tx, workspaceId);
      if (!workspace) throw workspaceNotFound();
      checkEtag(workspace, etag);
      const { deploymentKeys } = deps;
      checkAuthentic(deploymentKeys, coveredOfWorkspace(workspace), workspace.mac);
      const next = { ...workspace, ...change };
      return writeWorkspace(tx, { ...next, mac: macOf(deploymentKeys, coveredOfWorkspace(next)) });
    },
    replay: (sql, id) => findWorkspaceOrFail(sql, id),
  });
}
