// The first start of a deployment: one workspace, one owner, one token.
import { newId } from "../../domain/ids.ts";
import { purgeRetentionDaysDefault, tierDefault } from "../../domain/workspace/workspace.ts";
import { prepareToken } from "../../steps/tokens/issue.ts";
import { createWorkspaceRows, type WorkspaceRowsDeps } from "../../steps/workspaces/create-rows.ts";
import { addPrincipal } from "../../steps/workspaces/principals.ts";
import type { Database } from "../../store/database.ts";
import { isAnyWorkspaceThere, lockBootstrap } from "../../store/workspaces.ts";

/**
 * Makes the first workspace unless there is one, however many instances start at once, and returns its owner token. `keep` gets
 * the token before the commit, and again with another token if that commit failed: only the last token counts after this returns.
 */
export async function bootstrap(
  deps: WorkspaceRowsDeps & { database: Database },
  keep: (ownerToken: string) => Promise<void>,
): Promise<string | undefined> {
  if (await isAnyWorkspaceThere(deps.database)) return undefined;
  return deps.database.transaction(async (tx) => {
    await lockBootstrap(tx);
    if (await isAnyWorkspaceThere(tx)) return undefined;
    const principalId = newId("prn", deps.now(), deps.random);
    const workspaceId = newId("ws", deps.now(), deps.random);
    await addPrincipal(deps, tx, { principalId, kind: "USER", displayName: "owner" });
    await createWorkspaceRows(deps, tx, {
      workspaceId,
      displayName: "default",
      purgeRetentionDays: purgeRetentionDaysDefault,
      tier: tierDefault,
      principalId,
    });
    const token = prepareToken(deps, {
      principalId,
      workspaceId,
      displayName: "owner",
      scopes: [],
      expireTime: undefined,
    });
    await token.store(tx);
    await keep(token.text);
    return token.text;
  });
}
