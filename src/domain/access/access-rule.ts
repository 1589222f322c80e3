// Access rules: permissions for a principal or role at paths, in addition to those of roles.
import { CofferError, invalidField } from "../error/errors.ts";
import { checkPathPattern } from "./path-pattern.ts";
import { pathPermissionsOf, type Role } from "./permission.ts";

/** The location of a secret: rules match on it. */
export interface SecretLocation {
  region: string;
  path: string;
}

/** The subject of a rule: one principal, or all principals with exactly this role. */
export type RuleSubject = { principalId: string } | { role: Role };

export interface AccessRule {
  workspaceId: string;
  ruleId: string;
  subject: RuleSubject;
  /** Scopes: permissions, groups or named sets. */
  permissions: readonly string[];
  /** Empty: every path. */
  pathPatterns: readonly string[];
  /** Undefined: every region. */
  region: string | undefined;
  note: string;
  createTime: Date;
}

/** The largest number of rules in a workspace. */
export const accessRulesMax = 10_000;

/** The pattern that an empty list stands for. */
const everyPath = ["/**"] as const;

export function patternsOf({ pathPatterns }: Pick<AccessRule, "pathPatterns">): readonly string[] {
  return pathPatterns.length === 0 ? everyPath : pathPatterns;
}

/** Refuses scopes without permissions about secrets and versions: only those have a path. */
export function checkRulePermission(permission: string, field: string): void {
  if (pathPermissionsOf([permission]).size > 0) return;
  throw invalidField(
    field,
    "must be a permission of secrets or versions, `secrets.*`, `versions.*`, `*` or a named set of such permissions",
  );
}

/** Returns one check for each pattern, so that the error names all broken ones. */
export function patternChecks({ pathPatterns }: Pick<AccessRule, "pathPatterns">): (() => void)[] {
  return pathPatterns.map((pattern, index) => () => checkPathPattern(pattern, `path_patterns[${index}]`));
}

export function accessRuleNotFound(): CofferError {
  return new CofferError("ACCESS_RULE_NOT_FOUND", "there is no such access rule");
}
