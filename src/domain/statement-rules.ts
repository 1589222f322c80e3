// What the statements of an access policy grant to each principal, as rules say it.
import type { AccessStatement } from "./access-statements.ts";
import { type FieldViolation, invalidFields } from "./errors.ts";
import { isPrincipalId } from "./ids.ts";
import { type Permission, pathPermissionsOf } from "./permission.ts";

/** One rule to be: scopes for one principal, at the path of the secret. */
export interface StatementGrant {
  principalId: string;
  permissions: readonly string[];
}

// As Thalassa Cloud's documents name them; `delete` is for the secret and for its versions.
const actions: Readonly<Record<string, readonly Permission[]>> = {
  create: ["secrets.create"],
  read: ["secrets.read"],
  list: ["secrets.list"],
  update: ["secrets.update"],
  putSecretValue: ["versions.add"],
  getSecretValue: ["versions.access"],
  delete: ["secrets.delete", "secrets.purge", "versions.destroy"],
};

/** One grant for each statement and principal. Fails with FIELD_INVALID for each action and principal that is none. */
export function grantsOfStatements(statements: readonly AccessStatement[], field: string): StatementGrant[] {
  const violations: FieldViolation[] = [];
  const grants = statements.flatMap((statement, index) => {
    const name = `${field}.statements[${index}]`;
    const scopes = statement.actions.map((action) => scopesOf(action));
    for (const [at, found] of scopes.entries()) {
      if (found.length > 0) continue;
      const description = `must be *, one of ${Object.keys(actions).join(", ")}, or a permission of secrets or versions`;
      violations.push({ field: `${name}.actions[${at}]`, description });
    }
    for (const [at, principalId] of statement.principals.entries()) {
      if (isPrincipalId(principalId)) continue;
      violations.push({ field: `${name}.principals[${at}]`, description: "must be the id of a principal, `prn_…`" });
    }
    const permissions = [...new Set(scopes.flat())];
    return [...new Set(statement.principals)].map((principalId) => ({ principalId, permissions }));
  });
  const [first, ...others] = violations;
  if (first) throw invalidFields([first, ...others]);
  return grants;
}

/** `read`, `secret:read` and `secrets:read` are the same; none for what is no action. */
function scopesOf(action: string): readonly string[] {
  const name = action.replace(/^secrets?:/, "");
  if (Object.hasOwn(actions, name)) return actions[name] ?? [];
  const scope = name === "*" ? name : action;
  return pathPermissionsOf([scope]).size > 0 ? [scope] : [];
}
