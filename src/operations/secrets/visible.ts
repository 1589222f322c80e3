// What lists show a caller: what it may list and read.
import type { Caller } from "../../domain/caller.ts";
import type { VisiblePaths } from "../../store/visible-paths.ts";
import { authorizeSomewhere, holds } from "../authorize.ts";

/** Everything for whose role allows listing, otherwise what rules allow. Fails with PERMISSION_MISSING where nothing may be listed. */
export function authorizeList(caller: Caller): { workspaceId: string; visible: VisiblePaths } {
  const { workspaceId } = authorizeSomewhere(caller, "secrets.list");
  if (holds(caller, "secrets.list")) return { workspaceId, visible: [] };
  const needed = (["secrets.list", "secrets.read"] as const).filter((permission) => !holds(caller, permission));
  const rules = caller.membership?.rules;
  return { workspaceId, visible: needed.map((permission) => rules?.patterns(permission) ?? []) };
}
