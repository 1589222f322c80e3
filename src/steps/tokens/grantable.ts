// Checks that a caller holds everything that it grants. The text of a token gives all of its permissions.

import { narrow, type Permission, pathPermissionsOf, permissionsOfRole } from "../../domain/access/permission.ts";
import { CofferError } from "../../domain/error/errors.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import type { Member } from "../../domain/workspace/workspace.ts";
import { findScopesOfRules } from "../../store/access-rules.ts";
import type { Sql } from "../../store/database.ts";

export function exceeds(what: string, message: string): CofferError {
  return new CofferError("GRANT_EXCEEDS_CALLER", message, { permission: what });
}

/** Checks scopes for the caller's own principal. Its roles are the same for both tokens, so only scopes could allow more. */
export function checkScopesHeld(caller: Caller, scopes: readonly string[]): void {
  const everything = permissionsOfRole("OWNER");
  checkHeld(narrow(everything, scopes), narrow(everything, caller.scopes));
}

/** Checks a role under scopes in a workspace: the caller must hold all of it, and all that access rules add to the role. */
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

/** The caller must hold the permissions by its role. Permissions by access rules cannot be granted to others. */
export function checkAllHeld(caller: Caller, workspaceId: string, granted: ReadonlySet<Permission>): void {
  const own = caller.memberships.find((membership) => membership.workspaceId === workspaceId);
  checkHeld(granted, own?.permissions ?? new Set());
}

/** A token cannot create one that lasts longer than itself; `undefined` never expires. */
export function checkOutlived({ tokenExpireTime }: Caller, expireTime: Date | undefined): void {
  if (!tokenExpireTime || (expireTime && expireTime <= tokenExpireTime)) return;
  throw exceeds("expire_time", "a token makes none that lasts longer than itself");
}

function checkHeld(granted: ReadonlySet<Permission>, held: ReadonlySet<Permission>): void {
  for (const permission of granted) {
    if (!held.has(permission)) throw exceeds(permission, `nobody grants what they do not hold: ${permission}`);
  }
}
