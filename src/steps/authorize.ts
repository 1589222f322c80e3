// The only place that decides whether a caller may do something, and so the only one that makes a Grant.
import { statementDenies } from "../domain/access/access-policy.ts";
import type { SecretLocation } from "../domain/access/access-rule.ts";
import type { Grant } from "../domain/access/grant.ts";
import { type Permission, type Role, roles } from "../domain/access/permission.ts";
import { denyingStatement } from "../domain/access/statement-rules.ts";
import { CofferError } from "../domain/error/errors.ts";
import { type Secret, secretNotFound } from "../domain/secret/secret.ts";
import type { Caller, Membership } from "../domain/workspace/caller.ts";

/**
 * A grant at every path of the workspace that the call is about, which only a role gives; PERMISSION_MISSING names the permission,
 * whatever exists there.
 */
export function authorize<P extends Permission>(caller: Caller, permission: P): Grant<P> {
  const membership = membershipOf(caller, permission);
  if (!membership.permissions.has(permission)) throw missing(permission);
  return grantOf(membership, permission, ruleOfRole(membership));
}

/** A grant at one path, by role or by an access rule; PERMISSION_MISSING names the permission, whatever exists there. */
export function authorizeAt<P extends Permission>(caller: Caller, permission: P, location: SecretLocation): Grant<P> {
  const membership = membershipOf(caller, permission);
  const rule = allowing(membership, permission, location);
  if (rule === undefined) throw missing(permission);
  return grantOf(membership, permission, rule);
}

/** A secret that was found and whose row is authentic: its path, and its policy, which may deny what roles and rules allow. */
export type FoundSecret = SecretLocation & Pick<Secret, "secretId" | "accessPolicy">;

/**
 * The same for a secret that was found, whose access policy may deny it: ACCESS_POLICY_DENIED. Where the caller could not even see
 * the secret, it fails with SECRET_NOT_FOUND, as if there were none.
 */
export function authorizeFound<P extends Permission>(caller: Caller, permission: P, secret: FoundSecret): Grant<P> {
  const grant = grantFound(caller, permission, secret);
  checkNotDenied(caller, permission, secret);
  return grant;
}

/** As for `secrets.update`, but no statement keeps an owner from it: otherwise nobody could take back one that denies everyone. */
export function authorizePolicyChange(caller: Caller, secret: FoundSecret): Grant<"secrets.update"> {
  const grant = grantFound(caller, "secrets.update", secret);
  if (caller.membership?.role !== "OWNER") checkNotDenied(caller, "secrets.update", secret);
  return grant;
}

/** Fails as `authorizeFound` does where a statement of the secret's policy takes the permission from the caller. */
export function checkNotDenied(caller: Caller, permission: Permission, secret: FoundSecret): void {
  const statement = deniedBy(caller, permission, secret);
  if (statement === undefined) return;
  const denial = statementDenies(secret.secretId, statement);
  throw canSee(caller, secret) ? denial : secretNotFound(denial);
}

/** Whether the caller holds a permission for a secret that was found, where a lack of it only changes what is shown. */
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

/** The workspace of a caller who holds the permission at some path at least. */
export function authorizeSomewhere(caller: Caller, permission: Permission): { workspaceId: string } {
  const membership = membershipOf(caller, permission);
  const isHeld = membership.permissions.has(permission) || dependsOnPath(caller, permission);
  if (!isHeld) throw missing(permission);
  return membership;
}

/** Whether only access rules give the caller this permission, so that it takes a path to judge. */
export function dependsOnPath({ membership }: Caller, permission: Permission): boolean {
  if (!membership?.rules || membership.permissions.has(permission)) return false;
  return membership.rules.isAllowedSomewhere(permission);
}

/** A grant for what is the caller's own, in the workspace that the call is about: it needs no permission. */
export function authorizeOwn<P extends Permission>(caller: Caller, permission: P): Grant<P> {
  return grantOf(membershipOf(caller, permission), permission, "own");
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
  return ruleOfRole(membership);
}

/** A grant for what coffer does by itself, because its time has come. */
export function authorizeSystem<P extends Permission>(workspaceId: string, permission: P): Grant<P> {
  return { permission, workspaceId, rule: "system" } as Grant<P>;
}

/** Fails with PERMISSION_MISSING for whom a lower role made a member, whatever rules allow. */
export function requireRole({ membership }: Caller, least: Role, permission: Permission): void {
  if (membership && roles.indexOf(membership.role) < roles.indexOf(least)) throw missing(permission);
}

/** Whether the caller holds a permission by its role, where a lack of it only changes what is shown. */
export function holds(caller: Caller, permission: Permission): boolean {
  return caller.membership?.permissions.has(permission) ?? false;
}

/** Whether the caller holds a permission at a path, where a lack of it only changes what is shown. */
export function holdsAt({ membership }: Caller, permission: Permission, location: SecretLocation): boolean {
  return membership !== undefined && allowing(membership, permission, location) !== undefined;
}

/** Whether the caller may know that a secret is there. */
function canSee(caller: Caller, secret: FoundSecret): boolean {
  return holdsFor(caller, "secrets.list", secret) || holdsFor(caller, "secrets.read", secret);
}

function membershipOf(caller: Caller, permission: Permission): Membership {
  if (caller.membership) return caller.membership;
  throw noWorkspace(caller, permission);
}

/** What allows it, for the audit trail. */
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
    "workspace_id: this token reaches several workspaces, name one",
    { field: "workspace_id" },
    { violations: [{ field: "workspace_id", description: "this token reaches several workspaces, name one" }] },
  );
}

function missing(permission: Permission): CofferError {
  return new CofferError("PERMISSION_MISSING", `permission ${permission} is missing`, { permission });
}
