// Translates the statements of an access policy: actions to permissions, principals to ids.

import { type FieldViolation, failOn } from "../error/errors.ts";
import { isPrincipalId } from "../ids.ts";
import type { AccessStatement, BoundStatement } from "./access-policy.ts";
import { effectOfStatement } from "./access-statements.ts";
import { isCovered, type Permission, pathPermissions, pathPermissionsOf, pathScopes } from "./permission.ts";

/** The access rule that a statement becomes: scopes for one principal, at the path of the secret. */
export interface StatementGrant {
  principalId: string;
  permissions: readonly string[];
}

// The names of Thalassa Cloud's documents and clients. `delete` covers the secret and its versions.
const actions: Readonly<Record<string, readonly Permission[]>> = {
  create: ["secrets.create"],
  read: ["secrets.read"],
  list: ["secrets.list"],
  update: ["secrets.update"],
  putSecretValue: ["versions.add"],
  getSecretValue: ["versions.access"],
  "put-value": ["versions.add"],
  "get-value": ["versions.access"],
  delete: ["secrets.delete", "secrets.purge", "versions.destroy"],
};

/** The largest number of principals that a name in a Deny may stand for. */
const carriersMax = 100;

/** Fails with FIELD_INVALID, which names every unknown action and principal. */
export function checkStatements(statements: readonly AccessStatement[], field: string): void {
  failOn(
    statements.flatMap((statement, index) => {
      const name = `${field}.statements[${index}]`;
      const known = Object.keys(actions).join(", ");
      return [
        ...(statement.actions ?? []).flatMap((action, at): FieldViolation[] => {
          if (scopesOf(action).length > 0) return [];
          const description = `must be *, one of ${known}, or a permission of secrets or versions`;
          return [{ field: `${name}.actions[${at}]`, description }];
        }),
        ...(statement.principals ?? []).flatMap((principal, at): FieldViolation[] => {
          if (isPrincipalId(principal) || /^(?:user|team):./s.test(principal)) return [];
          const description = "must be the id of a principal (`prn_…`), `user:<name>` or `team:<name>`";
          return [{ field: `${name}.principals[${at}]`, description }];
        }),
      ];
    }),
  );
}

/** Returns the names of `user:<name>` principals. */
export function userNamesIn(statements: readonly AccessStatement[]): string[] {
  return [...new Set(statements.flatMap(({ principals = [] }) => principals.flatMap(userNameOf)))];
}

/**
 * Adds the ids of their principals to statements. `carriers` maps each name to its principals. Teams match nobody yet. Fails with
 * FIELD_INVALID for a name in an Allow that several principals have.
 */
export function bindStatements(
  statements: readonly AccessStatement[],
  carriers: ReadonlyMap<string, readonly string[]>,
  field: string,
): BoundStatement[] {
  const violations: FieldViolation[] = [];
  const bound = statements.map((statement, index) => {
    const countMax = effectOfStatement(statement) === "allow" ? 1 : carriersMax;
    const ids = (statement.principals ?? []).flatMap((principal, at) => {
      if (isPrincipalId(principal)) return [principal];
      const found = userNameOf(principal).flatMap((name) => carriers.get(name) ?? []);
      if (found.length <= countMax) return found;
      const description = `several principals have this name; give the id of the one that is meant, such as ${found[0]}`;
      violations.push({ field: `${field}.statements[${index}].principals[${at}]`, description });
      return [];
    });
    return { ...statement, principalIds: [...new Set(ids)] };
  });
  failOn(violations);
  return bound;
}

/** Returns one grant for each principal of each Allow statement. */
export function grantsOfStatements(statements: readonly BoundStatement[]): StatementGrant[] {
  return statements
    .filter((statement) => effectOfStatement(statement) === "allow")
    .flatMap((statement) => {
      const permissions = allowedBy(statement);
      return statement.principalIds.map((principalId) => ({ principalId, permissions }));
    });
}

/** Returns the permissions that a statement gives or takes. The caller who sets the policy must hold them. */
export function permissionsIn(statement: AccessStatement): Permission[] {
  const { actions: given = [] } = statement;
  if (effectOfStatement(statement) === "allow") return [...pathPermissionsOf(allowedBy(statement))];
  if (given.length === 0) return [...pathPermissions];
  return pathPermissions.filter((permission) => given.some((action) => takes(action, permission)));
}

/** Returns the scopes that an Allow statement gives. */
function allowedBy(statement: Pick<AccessStatement, "actions">): string[] {
  return [...new Set((statement.actions ?? []).flatMap((action) => scopesOf(action)))];
}

/** Returns the index of the first statement that denies the permission to the principal; undefined when none does. */
export function denyingStatement(
  statements: readonly BoundStatement[] | undefined,
  permission: Permission,
  principalId: string,
): number | undefined {
  const index = (statements ?? []).findIndex(
    (statement) =>
      effectOfStatement(statement) === "deny" &&
      (isForEverybody(statement) || statement.principalIds.includes(principalId)) &&
      ((statement.actions ?? []).length === 0 || statement.actions?.some((action) => takes(action, permission))),
  );
  return index === -1 ? undefined : index;
}

/** Whether the egress proxy refuses a binding of this principal. If the principal is unknown, a Deny for anybody refuses the binding. */
export function deniesUse(statements: readonly BoundStatement[] | undefined, boundBy: string | undefined): boolean {
  const isDenied = (principalId: string) => denyingStatement(statements, "secrets.use", principalId) !== undefined;
  // No principal has the empty id, so only a Deny for everybody matches it.
  const principals = boundBy === undefined ? ["", ...idsIn(statements)] : [boundBy];
  return principals.some(isDenied);
}

/** Returns every spelling of the actions that cover one of the permissions. */
export function actionsThatDeny(permissions: readonly Permission[]): string[] {
  const names = [...Object.keys(actions), "*"];
  const spellings = [...names.flatMap((name) => [name, `secret:${name}`, `secrets:${name}`]), ...pathScopes()];
  return [...new Set(spellings)].filter((action) => permissions.some((permission) => takes(action, permission)));
}

/** A principal that may not read a value may not send it through the egress proxy either. */
function takes(action: string, permission: Permission): boolean {
  const scopes = scopesOf(action);
  return isCovered(permission, scopes) || (permission === "secrets.use" && isCovered("versions.access", scopes));
}

/** Returns the permissions of an action; empty for an unknown one. `read`, `secret:read` and `secrets:read` are the same. */
function scopesOf(action: string): readonly string[] {
  const name = action.replace(/^secrets?:/, "");
  if (Object.hasOwn(actions, name)) return actions[name] ?? [];
  const scope = name === "*" ? name : action;
  return pathPermissionsOf([scope]).size > 0 ? [scope] : [];
}

function idsIn(statements: readonly BoundStatement[] = []): string[] {
  return statements.flatMap(({ principalIds }) => principalIds);
}

function isForEverybody({ principals = [] }: BoundStatement): boolean {
  return principals.length === 0;
}

function userNameOf(principal: string): string[] {
  return principal.startsWith("user:") ? [principal.slice("user:".length)] : [];
}
