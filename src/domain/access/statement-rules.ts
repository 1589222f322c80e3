// The meaning of the statements of an access policy: their actions as permissions, their principals as ids.

import { type FieldViolation, failOn } from "../error/errors.ts";
import { isPrincipalId } from "../ids.ts";
import type { AccessStatement, BoundStatement } from "./access-policy.ts";
import { effectOfStatement } from "./access-statements.ts";
import { isCovered, type Permission, pathPermissions, pathPermissionsOf, pathScopes } from "./permission.ts";

/** One rule to be: scopes for one principal, at the path of the secret. */
export interface StatementGrant {
  principalId: string;
  permissions: readonly string[];
}

// As Thalassa Cloud's documents and clients name them; `delete` is for the secret and for its versions.
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

/** Fails with FIELD_INVALID for each action and principal that is none. */
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

/** The names of `user:<name>` principals. */
export function userNamesIn(statements: readonly AccessStatement[]): string[] {
  return [...new Set(statements.flatMap(({ principals = [] }) => principals.flatMap(userNameOf)))];
}

/**
 * The statements with the ids of their principals: `carriers` has the principals of each name. A team is no principal yet. Fails with
 * FIELD_INVALID for a name that an Allow cannot mean: several principals have it.
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

/** One grant for each statement that allows and each of its principals. */
export function grantsOfStatements(statements: readonly BoundStatement[]): StatementGrant[] {
  return statements
    .filter((statement) => effectOfStatement(statement) === "allow")
    .flatMap((statement) => {
      const permissions = allowedBy(statement);
      return statement.principalIds.map((principalId) => ({ principalId, permissions }));
    });
}

/** The permissions that a statement gives or takes. The caller who sets it must hold them. */
export function permissionsIn(statement: AccessStatement): Permission[] {
  const { actions: given = [] } = statement;
  if (effectOfStatement(statement) === "allow") return [...pathPermissionsOf(allowedBy(statement))];
  if (given.length === 0) return [...pathPermissions];
  return pathPermissions.filter((permission) => given.some((action) => takes(action, permission)));
}

/** The scopes that a statement gives, where it allows. */
function allowedBy(statement: Pick<AccessStatement, "actions">): string[] {
  return [...new Set((statement.actions ?? []).flatMap((action) => scopesOf(action)))];
}

/** The index of the first statement that takes the permission from the principal; undefined when none does. */
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

/** Every action that takes one of the permissions from somebody, as statements may spell it. */
export function actionsThatDeny(permissions: readonly Permission[]): string[] {
  const names = [...Object.keys(actions), "*"];
  const spellings = [...names.flatMap((name) => [name, `secret:${name}`, `secrets:${name}`]), ...pathScopes()];
  return [...new Set(spellings)].filter((action) => permissions.some((permission) => takes(action, permission)));
}

/** A principal that may not have a value may not send it through the egress proxy either. */
function takes(action: string, permission: Permission): boolean {
  const scopes = scopesOf(action);
  return isCovered(permission, scopes) || (permission === "secrets.use" && isCovered("versions.access", scopes));
}

/** `read`, `secret:read` and `secrets:read` are the same; none for what is no action. */
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
