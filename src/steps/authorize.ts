// Decides whether a caller may do something. Only this file makes a Grant.
import { statementDenies } from "../domain/access/access-policy.ts";
import type { SecretLocation } from "../domain/access/access-rule.ts";
import type { Grant } from "../domain/access/grant.ts";
import { type Permission, type Role, roles } from "../domain/access/permission.ts";
import { denyingStatement } from "../domain/access/statement-rules.ts";
import { CofferError } from "../domain/error/errors.ts";
import { type Secret, secretNotFound } from "../domain/secret/secret.ts";
import type { Caller, Membership } from "../domain/workspace/caller.ts";

/**
 * Returns a grant at every path of the call's workspace, which only a role gives. Fails with PERMISSION_MISSING for this permission,
 * whatever exists there.
 */
export function authorize<P extends Permission>(caller: Caller, permission: P): Grant<P> {
  const membership = membershipOf(caller, permission);
  if (!membership.permissions.has(permission)) throw missing(permission);
  return grantOf(membership, permission, ruleOfRole(membership));
}

/** Returns a grant at one location, by role or by an access rule. Fails with PERMISSION_MISSING, whatever exists there. */
export function authorizeAt<P extends Permission>(caller: Caller, permission: P, location: SecretLocation): Grant<P> {
  const membership = membershipOf(caller, permission);
  const rule = allowing(membership, permission, location);
  if (rule === undefined) throw missing(permission);
  return grantOf(membership, permission, rule);
}

/** A secret that was found and whose row is authentic: its path, and its policy, which may deny what roles and rules allow. */
export type FoundSecret = SecretLocation & Pick<Secret, "secretId" | "accessPolicy">;

/**
 * Returns a grant for a secret that was found. Fails with ACCESS_POLICY_DENIED if its access policy denies it. If the caller may not even see
 * the secret, fails with SECRET_NOT_FOUND, as if it did not exist.
 */
export function authorizeFound<P extends Permission>(caller: Caller, permission: P, secret: FoundSecret): Grant<P> {
  const grant = grantFound(caller, permission, secret);
  checkNotDenied(caller, permission, secret);
  return grant;
}

/** The same for setting the policy. No statement denies it to an owner: otherwise nobody could remove one that denies everyone. */
export function authorizePolicyChange(caller: Caller, secret: FoundSecret): Grant<"secrets.update"> {
  const grant = grantFound(caller, "secrets.update", secret);
  if (caller.membership?.role !== "OWNER") checkNotDenied(caller, "secrets.update", secret);
  return grant;
}

/** Fails as `authorizeFound` does if a statement of the secret's policy denies the permission to the caller. */
export function checkNotDenied(caller: Caller, permission: Permission, secret: FoundSecret): void {
  const statement = deniedBy(caller, permission, secret);
  if (statement === undefined) return;
  const denial = statementDenies(secret.secretId, statement);
  throw canSee(caller, secret) ? denial : secretNotFound(denial);
}

/** Returns whether the caller holds a permission for a secret that was found. Use it only to decide what is shown. */
export function holdsFor(caller: Caller, permission: Permission, secret: FoundSecret): boolean {
  return holdsAt(caller, permission, secret) && deniedBy(caller, permission, secret) === undefined;
}

/** Owners see every secret, so that they can find the policy that they want to change. */
export function seesDespiteStatements({ membership }: Caller): boolean {
  return membership?.role === "OWNER";
}

function deniedBy(caller: Caller, permission: Permission, { accessPolicy }: FoundSecret): number | undefined {
  const isSeeing = permission === "secrets.list" || permission === "secrets.read";
  if (!accessPolicy || (isSeeing && seesDespiteStatements(caller))) return undefined;
  return denyingStatement(accessPolicy.statements, permission, caller.principalId);
}

function grantFound<P extends Permission>(caller: Caller, permission: P, secret: FoundSecret): Grant<P> {
  const membership = membershipOf(caller, permission);
  const rule = allowing(membership, permission, secret);
  if (rule !== undefined) return grantOf(membership, permission, rule);
  const denial = missing(permission);
  throw canSee(caller, secret) ? denial : secretNotFound(denial);
}

/** Returns the workspace of a caller who holds the permission at any path. Fails with PERMISSION_MISSING. */
export function authorizeSomewhere(caller: Caller, permission: Permission): { workspaceId: string } {
  const membership = membershipOf(caller, permission);
  const isHeld = membership.permissions.has(permission) || dependsOnPath(caller, permission);
  if (!isHeld) throw missing(permission);
  return membership;
}

/** Returns whether only access rules give the caller this permission, so that it depends on the path. */
export function dependsOnPath({ membership }: Caller, permission: Permission): boolean {
  if (!membership?.rules || membership.permissions.has(permission)) return false;
  return membership.rules.isAllowedSomewhere(permission);
}

/** Returns a grant for the caller's own resources in the call's workspace. It requires no permission. */
export function authorizeOwn<P extends Permission>(caller: Caller, permission: P): Grant<P> {
  return grantOf(membershipOf(caller, permission), permission, "own");
}

/** Fails unless the caller holds the permission in each of these workspaces. For changes that reach several workspaces. */
export function authorizeEverywhere(caller: Caller, permission: Permission, workspaceIds: readonly string[]): void {
  for (const workspaceId of workspaceIds) {
    const membership = caller.memberships.find((own) => own.workspaceId === workspaceId);
    if (!membership?.permissions.has(permission)) throw missing(permission);
  }
}

/** Returns a grant for a call that names no workspace: the caller must hold the permission in any workspace. */
export function ruleAnywhere(caller: Caller, permission: Permission): string {
  if (caller.membership) return authorize(caller, permission).rule;
  const membership = caller.memberships.find(({ permissions }) => permissions.has(permission));
  if (!membership) throw missing(permission);
  return ruleOfRole(membership);
}

/** Returns a grant for work that coffer does without a call. */
export function authorizeSystem<P extends Permission>(workspaceId: string, permission: P): Grant<P> {
  return { permission, workspaceId, rule: "system" } as Grant<P>;
}

/** Fails with PERMISSION_MISSING if the caller has a lower role, whatever access rules allow. */
export function requireRole({ membership }: Caller, least: Role, permission: Permission): void {
  if (membership && roles.indexOf(membership.role) < roles.indexOf(least)) throw missing(permission);
}

/** Returns whether the caller holds a permission by its role. Use it only to decide what is shown. */
export function holds(caller: Caller, permission: Permission): boolean {
  return caller.membership?.permissions.has(permission) ?? false;
}

/** Returns whether the caller holds a permission at a location. Use it only to decide what is shown. */
export function holdsAt({ membership }: Caller, permission: Permission, location: SecretLocation): boolean {
  return membership !== undefined && allowing(membership, permission, location) !== undefined;
}

/** Returns whether the caller may know that a secret exists. */
function canSee(caller: Caller, secret: FoundSecret): boolean {
  return holdsFor(caller, "secrets.list", secret) || holdsFor(caller, "secrets.read", secret);
}

function membershipOf(caller: Caller, permission: Permission): Membership {
  if (caller.membership) return caller.membership;
  throw noWorkspace(caller, permission);
}

/** Returns the role or rule that allows it, for the audit trail. */
function allowing(membership: Membership, permission: Permission, location: SecretLocation): string | undefined {
  return membership.permissions.has(permission)
    ? ruleOfRole(membership)
    : membership.rules?.allowing(permission, location);
}

function ruleOfRole({ role }: Membership): string {
  return `role:${role.toLowerCase()}`;
}

function grantOf<P extends Permission>({ workspaceId }: Membership, permission: P, rule: string): Grant<P> {
  return { permission, workspaceId, rule } as Grant<P>;
}

function noWorkspace(caller: Caller, permission: Permission): CofferError {
  if (caller.memberships.length === 0) return missing(permission);
  return new CofferError(
    "WORKSPACE_REQUIRED",
    "workspace_id: is required, because this token reaches several workspaces",
    { field: "workspace_id" },
    {
      violations: [
        { field: "workspace_id", description: "is required, because this token reaches several workspaces" },
      ],
    },
  );
}

function missing(permission: Permission): CofferError {
  return new CofferError("PERMISSION_MISSING", `permission ${permission} is missing`, { permission });
}
