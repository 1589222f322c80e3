// Access rules: who may do what at which paths, beyond what a role allows everywhere.
import { CofferError, invalidField } from "../error/errors.ts";
import { checkPathPattern } from "./path-pattern.ts";
import { pathPermissionsOf, type Role } from "./permission.ts";

/** Where a secret is: what rules are judged at. */
export interface SecretLocation {
  region: string;
  path: string;
}

/** Whom a rule is for: one principal, or all whose role is exactly this. */
export type RuleSubject = { principalId: string } | { role: Role };

export interface AccessRule {
  workspaceId: string;
  ruleId: string;
  subject: RuleSubject;
  /** Scopes: permissions, groups or named sets. */
  permissions: readonly string[];
  /** Every path when empty. */
  pathPatterns: readonly string[];
  /** Every region when undefined. */
  region: string | undefined;
  note: string;
  createTime: Date;
}

/** How many a workspace may have. */
export const accessRulesMax = 10_000;

/** What an empty list of patterns means. */
const everyPath = ["/**"] as const;

export function patternsOf({ pathPatterns }: Pick<AccessRule, "pathPatterns">): readonly string[] {
  return pathPatterns.length === 0 ? everyPath : pathPatterns;
}

/** Rules are about secrets and versions, which are at a path: whatever covers no such permission is refused. */
export function checkRulePermission(permission: string, field: string): void {
  if (pathPermissionsOf([permission]).size > 0) return;
  throw invalidField(
    field,
    "must be a permission of secrets or versions, `secrets.*`, `versions.*`, `*` or a named set of such permissions",
  );
}

/** As a check for each of the patterns, so that all broken ones are told. */
export function patternChecks({ pathPatterns }: Pick<AccessRule, "pathPatterns">): (() => void)[] {
  return pathPatterns.map((pattern, index) => () => checkPathPattern(pattern, `path_patterns[${index}]`));
}

export function accessRuleNotFound(): CofferError {
  return new CofferError("ACCESS_RULE_NOT_FOUND", "there is no such access rule");
}
