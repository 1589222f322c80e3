// The only place that decides whether a caller may do something, and so the only one that makes a Grant.
import type { Caller } from "../domain/caller.ts";
import { CofferError } from "../domain/errors.ts";
import type { Grant } from "../domain/grant.ts";
import type { Permission } from "../domain/permission.ts";

/** A grant in the workspace that the call is about; PERMISSION_MISSING names the permission, whatever exists there. */
export function authorize<P extends Permission>(caller: Caller, permission: P): Grant<P> {
  const { membership } = caller;
  if (!membership) throw noWorkspace(caller, permission);
  if (!membership.permissions.has(permission)) throw missing(permission);
  return {
    permission,
    workspaceId: membership.workspaceId,
    rule: `role:${membership.role.toLowerCase()}`,
  } as Grant<P>;
}

/** A grant for what is the caller's own, in the workspace that the call is about: it needs no permission. */
export function authorizeOwn<P extends Permission>(caller: Caller, permission: P): Grant<P> {
  const { membership } = caller;
  if (!membership) throw noWorkspace(caller, permission);
  return { permission, workspaceId: membership.workspaceId, rule: "own" } as Grant<P>;
}

/** Fails unless the caller holds the permission in each of these workspaces: for what reaches beyond the call's own. */
export function authorizeEverywhere(caller: Caller, permission: Permission, workspaceIds: readonly string[]): void {
  for (const workspaceId of workspaceIds) {
    const membership = caller.memberships.find((own) => own.workspaceId === workspaceId);
    if (!membership?.permissions.has(permission)) throw missing(permission);
  }
}

/** What allows a call that is about no workspace: the permission, in any workspace that the caller reaches. */
export function ruleAnywhere(caller: Caller, permission: Permission): string {
  if (caller.membership) return authorize(caller, permission).rule;
  const membership = caller.memberships.find(({ permissions }) => permissions.has(permission));
  if (!membership) throw missing(permission);
  return `role:${membership.role.toLowerCase()}`;
}

/** A grant for what coffer does by itself, because its time has come. */
export function authorizeSystem<P extends Permission>(workspaceId: string, permission: P): Grant<P> {
  return { permission, workspaceId, rule: "system" } as Grant<P>;
}

/** Whether the caller holds a permission, where a lack of it only changes what is shown. */
export function holds(caller: Caller, permission: Permission): boolean {
  return caller.membership?.permissions.has(permission) ?? false;
}

function noWorkspace(caller: Caller, permission: Permission): CofferError {
  if (caller.memberships.length === 0) return missing(permission);
  return new CofferError(
    "WORKSPACE_REQUIRED",
    "workspace_id: this token reaches several workspaces, name one",
    { field: "workspace_id" },
    { violations: [{ field: "workspace_id", description: "this token reaches several workspaces, name one" }] },
  );
}

function missing(permission: Permission): CofferError {
  return new CofferError("PERMISSION_MISSING", `permission ${permission} is missing`, { permission });
}
