// Checks the number of access rules of a workspace. It is exact: concurrent additions wait for each other.
import { accessRulesMax } from "../../domain/access/access-rule.ts";
import { CofferError } from "../../domain/error/errors.ts";
import { countAccessRules } from "../../store/access-rules.ts";
import type { Tx } from "../../store/database.ts";
import { lockWorkspace } from "../../store/workspaces.ts";

/** Fails with ACCESS_RULE_LIMIT unless the workspace may have so many more. Until the transaction ends nobody else adds any. */
export async function lockRoomForRules(tx: Tx, workspaceId: string, count: number): Promise<void> {
  await lockWorkspace(tx, workspaceId);
  if ((await countAccessRules(tx, workspaceId)) + count <= accessRulesMax) return;
  throw new CofferError("ACCESS_RULE_LIMIT", `a workspace has at most ${accessRulesMax} access rules`, {
    limit: String(accessRulesMax),
  });
}
