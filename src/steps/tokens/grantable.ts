// Nobody grants what they do not hold: the rules for whom a token's text may be shown to.

import { narrow, type Permission, pathPermissionsOf, permissionsOfRole } from "../../domain/access/permission.ts";
import { CofferError } from "../../domain/error/errors.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import type { Member } from "../../domain/workspace/workspace.ts";
import { findScopesOfRules } from "../../store/access-rules.ts";
import type { Sql } from "../../store/database.ts";

export function exceeds(what: string, message: string): CofferError {
  return new CofferError("GRANT_EXCEEDS_CALLER", message, { permission: what });
}

/** Scopes of the caller's own principal: it has the same roles in every workspace, now and later, so only scopes could widen. */
export function checkScopesHeld(caller: Caller, scopes: readonly string[]): void {
  const everything = permissionsOfRole("OWNER");
  checkHeld(narrow(everything, scopes), narrow(everything, caller.scopes));
}

/** A role under scopes, in a workspace where the caller must hold all of it, and all that access rules add to it. */
export async function checkMemberHeld(
  sql: Sql,
  caller: Caller,
  { workspaceId, role, principalId }: Pick<Member, "workspaceId" | "role"> & { principalId: string | undefined },
  scopes: readonly string[],
): Promise<void> {
  checkAllHeld(caller, workspaceId, narrow(permissionsOfRole(role), scopes));
  const added = pathPermissionsOf(await findScopesOfRules(sql, workspaceId, { role, principalId }));
  checkAllHeld(caller, workspaceId, narrow(added, scopes));
}

/** By role, which is at every path: what rules give their subjects cannot be passed on. */
export function checkAllHeld(caller: Caller, workspaceId: string, granted: ReadonlySet<Permission>): void {
  const own = caller.memberships.find((membership) => membership.workspaceId === workspaceId);
  checkHeld(granted, own?.permissions ?? new Set());
}

/** A token that expires leaves none behind that lasts longer; `undefined` lasts for ever. */
export function checkOutlived({ tokenExpireTime }: Caller, expireTime: Date | undefined): void {
  if (!tokenExpireTime || (expireTime && expireTime <= tokenExpireTime)) return;
  throw exceeds("expire_time", "a token makes none that lasts longer than itself");
}

function checkHeld(granted: ReadonlySet<Permission>, held: ReadonlySet<Permission>): void {
  for (const permission of granted) {
    if (!held.has(permission)) throw exceeds(permission, `nobody grants what they do not hold: ${permission}`);
  }
}
