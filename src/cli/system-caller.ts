// Makes the caller of a command. Commands act as an owner: whoever has the database and the keyring can already do everything.

import { permissionsOfRole } from "../domain/access/permission.ts";
import { CofferError } from "../domain/error/errors.ts";
import { newId } from "../domain/ids.ts";
import type { Caller, Membership } from "../domain/workspace/caller.ts";
import { listWorkspaceIds } from "../store/workspaces.ts";
import type { CommandDeps } from "./deployment.ts";

/** `workspaceId`: undefined for calls that concern no workspace. Fails with WORKSPACE_NOT_FOUND. */
export async function systemCaller(
  deps: CommandDeps,
  command: string,
  workspaceId: string | undefined,
): Promise<Caller> {
  const memberships = (await listWorkspaceIds(deps.database)).map(ownerOf);
  const membership =
    workspaceId === undefined ? ownerOf("") : memberships.find((each) => each.workspaceId === workspaceId);
  if (!membership) throw new CofferError("WORKSPACE_NOT_FOUND", "the workspace does not exist");
  return {
    credential: "SYSTEM",
    principalId: "prn_system",
    tokenId: "",
    reachesEveryWorkspace: true,
    scopes: [],
    tokenExpireTime: undefined,
    memberships,
    membership,
    address: "",
    userAgent: "coffer command",
    requestId: newId("req", deps.now(), deps.random),
    method: `command/${command}`,
    idempotency: undefined,
  };
}

function ownerOf(workspaceId: string): Membership {
  return { workspaceId, role: "OWNER", permissions: permissionsOfRole("OWNER"), rules: undefined };
}
