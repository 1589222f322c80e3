// Finds which secrets lists show a caller: those that it may list and read.

import type { Permission } from "../../domain/access/permission.ts";
import { actionsThatDeny } from "../../domain/access/statement-rules.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import type { VisiblePaths } from "../../store/visible-paths.ts";
import { authorizeSomewhere, holds, seesDespiteStatements } from "../authorize.ts";

const seeing: readonly Permission[] = ["secrets.list", "secrets.read"];
const hidingActions = actionsThatDeny(seeing);

/**
 * Returns everything if the caller's role allows listing, otherwise the paths that rules allow; without secrets whose policies deny it. Fails
 * with PERMISSION_MISSING if the caller may list nothing.
 */
export function authorizeList(caller: Caller): { workspaceId: string; visible: VisiblePaths } {
  const { workspaceId } = authorizeSomewhere(caller, "secrets.list");
  const denied = seesDespiteStatements(caller) ? [] : [{ principalId: caller.principalId, actions: hidingActions }];
  if (holds(caller, "secrets.list")) return { workspaceId, visible: denied };
  const needed = seeing.filter((permission) => !holds(caller, permission));
  const rules = caller.membership?.rules;
  return { workspaceId, visible: [...needed.map((permission) => rules?.patterns(permission) ?? []), ...denied] };
}
