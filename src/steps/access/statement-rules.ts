// Binds statements of access policies to principals, and stores those that allow as access rules.

import type { AccessStatement } from "../../domain/access/access-policy.ts";
import { type AccessPolicy, policyWith } from "../../domain/access/access-policy.ts";
import { bindStatements, grantsOfStatements, permissionsIn, userNamesIn } from "../../domain/access/statement-rules.ts";
import { newId } from "../../domain/ids.ts";
import type { Secret } from "../../domain/secret/secret.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import { coveredOfAccessRule, macOf } from "../../integrity/row-macs.ts";
import type { Deps } from "../../runtime/deps.ts";
import { deleteRulesOfSecret, insertAccessRules } from "../../store/access-rules.ts";
import type { Sql, Tx } from "../../store/database.ts";
import { authorize } from "../authorize.ts";
import { checkAllHeld } from "../tokens/grantable.ts";
import { memberIdsByName } from "../workspaces/principals.ts";
import { lockRoomForRules } from "./room.ts";

type StatementDeps = Pick<Deps, "deploymentKeys" | "now" | "random">;
type RuledSecret = Pick<Secret, "workspaceId" | "secretId" | "region" | "path" | "accessPolicy">;

const note = "from the access policy of its secret";

/** Fails with PERMISSION_MISSING or GRANT_EXCEEDS_CALLER unless the caller may set such statements. An empty list requires nothing. */
export function checkMaySet(caller: Caller, statements: readonly AccessStatement[]): void {
  if (statements.length === 0) return;
  const { workspaceId } = authorize(caller, "access.create");
  // A Deny requires the permissions that it takes, as an Allow requires those that it gives.
  checkAllHeld(caller, workspaceId, new Set(statements.flatMap(permissionsIn)));
}

/**
 * Returns the policy of these conditions and statements. `user:<name>` means the members who have that name at this moment: their ids are
 * part of the policy, under its MAC, so that nobody gains access later by taking the name. Fails with FIELD_INVALID, or with VALUE_CORRUPT if
 * SQL has changed such a member.
 */
export async function bindPolicy(
  deps: Pick<Deps, "deploymentKeys">,
  sql: Sql,
  workspaceId: string,
  conditions: AccessPolicy | undefined,
  statements: readonly AccessStatement[],
): Promise<AccessPolicy | undefined> {
  const carriers = await memberIdsByName(deps, sql, workspaceId, userNamesIn(statements));
  return policyWith(conditions?.conditions ?? [], bindStatements(statements, carriers, "access_policy"));
}

/** Inserts the rules of the statements that allow, at the secret's path. Fails with ACCESS_RULE_LIMIT. */
export async function addStatementRules(deps: StatementDeps, tx: Tx, secret: RuledSecret): Promise<void> {
  const grants = grantsOfStatements(secret.accessPolicy?.statements ?? []);
  if (grants.length === 0) return;
  const { workspaceId, secretId, region, path } = secret;
  await lockRoomForRules(tx, workspaceId, grants.length);
  const rules = grants.map(({ principalId, permissions }) => {
    const ruleId = newId("acr", deps.now(), deps.random);
    const rule = { workspaceId, ruleId, subject: { principalId }, permissions, pathPatterns: [path], region, note };
    return { ...rule, mac: macOf(deps.deploymentKeys, coveredOfAccessRule(rule)) };
  });
  await insertAccessRules(tx, secretId, rules);
}

/**
 * Replaces the rules of the secret's policy by those of `next`. Fails with PERMISSION_MISSING if the secret's policy has
 * statements and the caller may not delete rules, or with ACCESS_RULE_LIMIT.
 */
export async function replaceStatementRules(
  deps: StatementDeps,
  tx: Tx,
  caller: Caller,
  secret: RuledSecret,
  next: AccessPolicy | undefined,
): Promise<void> {
  const hadRules = await deleteRulesOfSecret(tx, secret);
  // A statement that denies has no rule.
  if (hadRules || (secret.accessPolicy?.statements ?? []).length > 0) authorize(caller, "access.delete");
  await addStatementRules(deps, tx, { ...secret, accessPolicy: next });
}
