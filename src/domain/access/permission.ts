// Permissions, the roles that are named sets of them, and the scopes that narrow them.

const member = [] as const;
const viewer = [
  "secrets.list",
  "secrets.read",
  "versions.read",
  "workspace.read",
  "keys.list",
  "keys.read",
  "vaults.list",
  "vaults.read",
  "egress.read",
] as const;
const operator = [
  ...viewer,
  "secrets.create",
  "secrets.update",
  "secrets.delete",
  "secrets.undelete",
  "secrets.use",
  "versions.add",
  "versions.access",
  "versions.enable",
  "versions.disable",
  "keys.encrypt",
  "keys.decrypt",
  "keys.sign",
  "keys.verify",
  "egress.create",
  "egress.update",
  "egress.delete",
  "egress.bind",
  "egress.unbind",
  "egress.events",
] as const;
const admin = [
  ...operator,
  "secrets.purge",
  "versions.destroy",
  "keys.create",
  "keys.update",
  "keys.rotate",
  "keys.disable",
  "keys.enable",
  "keys.destroy",
  "vaults.create",
  "vaults.update",
  "vaults.verify",
  "vaults.rotate",
  "vaults.delete",
  "tokens.create",
  "tokens.list",
  "tokens.rotate",
  "tokens.revoke",
  "access.create",
  "access.list",
  "access.delete",
  "workspace.update",
  "audit.read",
] as const;
const owner = [...admin, "workspace.create", "keys.export"] as const;

export type Permission = (typeof owner)[number];

const rolePermissions = { MEMBER: member, VIEWER: viewer, OPERATOR: operator, ADMIN: admin, OWNER: owner } as const;

export type Role = keyof typeof rolePermissions;

/** From the least to the most powerful: each role has all permissions of the one before. A member has only those that rules allow. */
export const roles: readonly Role[] = ["MEMBER", "VIEWER", "OPERATOR", "ADMIN", "OWNER"];

export function permissionsOfRole(role: Role): ReadonlySet<Permission> {
  return new Set(rolePermissions[role]);
}

/** Permissions about secrets and versions. Rules may give them by path. */
export const pathPermissions: readonly Permission[] = owner.filter((permission) =>
  /^(secrets|versions)\./.test(permission),
);

// Sets of permissions under the names of the documents of Akua, DataRaven and Thalassa Cloud. A token with all three of Akua's may use
// all of Akua's API.
const namedScopes: Readonly<Record<string, readonly Permission[]>> = {
  "secrets:read": ["secrets.list", "secrets.read", "versions.read"],
  "secrets:write": [
    "secrets.create",
    "secrets.update",
    "secrets.delete",
    "secrets.undelete",
    // A caller who may destroy every version gains nothing by a purge. Akua's API requires no other scope for a forced deletion.
    "secrets.purge",
    "versions.add",
    "versions.enable",
    "versions.disable",
    "versions.destroy",
  ],
  "secrets:access": ["versions.access"],
  "secrets:create": ["secrets.create"],
  "secrets:update": ["secrets.update", "versions.add"],
  "secrets:delete": ["secrets.delete"],
  "secrets:ReadAccess": ["secrets.read", "secrets.list"],
  "secrets:FullAccess": [
    "secrets.create",
    "secrets.read",
    "secrets.list",
    "secrets.update",
    "secrets.delete",
    "secrets.purge",
    "versions.add",
    "versions.access",
    "versions.destroy",
  ],
};

/** Describes valid scopes, for errors. */
export const scopeForms = `a permission, \`<group>.*\`, \`*\` or one of ${Object.keys(namedScopes).join(", ")}`;

/** Whether `text` is a permission. */
export function isPermission(text: string): text is Permission {
  return owner.some((permission) => permission === text);
}

/** Whether `text` is a scope: a permission, `<group>.*` for a group of them, `*`, or a named one such as `secrets:read`. */
export function isScope(text: string): boolean {
  return owner.some((permission) => scopeCovers(text, permission));
}

/** Returns the permissions about secrets and versions that the scopes cover; empty for no scopes. */
export function pathPermissionsOf(scopes: readonly string[]): ReadonlySet<Permission> {
  return new Set(pathPermissions.filter((permission) => isCovered(permission, scopes)));
}

/** Returns every scope that covers a permission about secrets and versions. */
export function pathScopes(): string[] {
  const scopes = [...pathPermissions, "secrets.*", "versions.*", "*", ...Object.keys(namedScopes)];
  return scopes.filter((scope) => pathPermissionsOf([scope]).size > 0);
}

/** Whether any of these scopes covers the permission. */
export function isCovered(permission: Permission, scopes: readonly string[]): boolean {
  return scopes.some((scope) => scopeCovers(scope, permission));
}

/** Narrows `permissions` to `scopes`. An empty list of scopes narrows nothing. */
export function narrow(permissions: ReadonlySet<Permission>, scopes: readonly string[]): ReadonlySet<Permission> {
  if (scopes.length === 0) return permissions;
  return new Set([...permissions].filter((permission) => isCovered(permission, scopes)));
}

function scopeCovers(scope: string, permission: Permission): boolean {
  if (scope === "*" || scope === permission) return true;
  if (Object.hasOwn(namedScopes, scope)) return namedScopes[scope]?.includes(permission) ?? false;
  return scope.endsWith(".*") && permission.startsWith(scope.slice(0, -1));
}
