// CreateWorkspace: a new tenant. Its owner is the caller, or a new principal if coffer itself creates it.

import { newId } from "../../domain/ids.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import type { Tier, Workspace } from "../../domain/workspace/workspace.ts";
import { authorize } from "../../steps/authorize.ts";
import { type MutationDeps, type MutationResult, mutate } from "../../steps/mutation.ts";
import { prepareToken } from "../../steps/tokens/issue.ts";
import { createWorkspaceRows, type WorkspaceRowsDeps } from "../../steps/workspaces/create-rows.ts";
import { findWorkspaceOrFail } from "../../steps/workspaces/find.ts";
import { addPrincipal } from "../../steps/workspaces/principals.ts";

export interface CreateWorkspaceInput {
  displayName: string;
  purgeRetentionDays: number;
  tier: Tier;
}

/** The text of the token is stored nowhere, so it is empty in a replay. */
export interface CreatedWorkspace {
  workspace: Workspace;
  ownerToken: string;
}

export async function createWorkspace(
  deps: MutationDeps & WorkspaceRowsDeps,
  caller: Caller,
  input: CreateWorkspaceInput,
): Promise<MutationResult<CreatedWorkspace>> {
  const grant = authorize(caller, "workspace.create");
  const isForNewOwner = caller.credential === "SYSTEM";
  return mutate(deps, caller, {
    grant,
    async prepare() {
      const workspaceId = newId("ws", deps.now(), deps.random);
      const principalId = isForNewOwner ? newId("prn", deps.now(), deps.random) : caller.principalId;
      const token = prepareToken(deps, {
        principalId,
        workspaceId,
        displayName: "owner",
        scopes: [...caller.scopes],
        expireTime: caller.tokenExpireTime,
      });
      return { subject: { resourceType: "workspace", resourceId: workspaceId }, workspaceId, principalId, token };
    },
    async apply(tx, { workspaceId, principalId, token }) {
      if (isForNewOwner) await addPrincipal(deps, tx, { principalId, kind: "USER", displayName: "owner" });
      const workspace = await createWorkspaceRows(deps, tx, { ...input, workspaceId, principalId });
      await token.store(tx);
      return { workspace, ownerToken: token.text };
    },
    replay: async (sql, id) => ({ workspace: await findWorkspaceOrFail(sql, id), ownerToken: "" }),
  });
}
