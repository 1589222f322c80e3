// Nobody grants what they do not hold: the rules for whom a token's text may be shown to.
import type { Caller } from "../../domain/caller.ts";
import { CofferError } from "../../domain/errors.ts";
import { narrow, type Permission, permissionsOfRole } from "../../domain/permission.ts";
import type { Member } from "../../domain/workspace.ts";

export function exceeds(what: string, message: string): CofferError {
  return new CofferError("GRANT_EXCEEDS_CALLER", message, { permission: what });
}

/** Scopes of the caller's own principal: it has the same roles in every workspace, now and later, so only scopes could widen. */
export function checkScopesHeld(caller: Caller, scopes: readonly string[]): void {
  const everything = permissionsOfRole("OWNER");
  checkHeld(narrow(everything, scopes), narrow(everything, caller.scopes));
}

/** A role under scopes, in a workspace where the caller must hold all of it. */
export function checkMemberHeld(
  caller: Caller,
  { workspaceId, role }: Pick<Member, "workspaceId" | "role">,
  scopes: readonly string[],
): void {
  const own = caller.memberships.find((membership) => membership.workspaceId === workspaceId);
  checkHeld(narrow(permissionsOfRole(role), scopes), own?.permissions ?? new Set());
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
