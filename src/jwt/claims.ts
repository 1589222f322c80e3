// Maps the claims of a verified JWT to coffer's terms, by the rules of its issuer.
import { isScope, type Role, roles } from "../domain/access/permission.ts";
import type { ClaimPath, JwtIssuer, RoleRule, ScopeRule, WorkspaceRule } from "./issuer.ts";

type Claims = Readonly<Record<string, unknown>>;

export interface MappedClaims {
  subject: string;
  /** Some of them may not exist. */
  workspaceIds: string[];
  /** Undefined: none. */
  role: Role | undefined;
  /** Scopes as of API tokens; empty: not narrowed. */
  scopes: string[];
}

const subjectLengthMax = 255;
const wordsMax = 1_000;

/** Returns undefined when the claims name nobody. */
export function mapClaims(issuer: JwtIssuer, claims: Claims): MappedClaims | undefined {
  const subject = claimAt(claims, issuer.subjectClaim);
  if (!isSubject(subject)) return undefined;
  return {
    subject,
    workspaceIds: workspaceIdsOf(issuer.workspaces, claims),
    role: roleOf(issuer.role, claims),
    scopes: issuer.scopes ? scopesOf(issuer.scopes, claims) : [],
  };
}

function isSubject(value: unknown): value is string {
  const isText = typeof value === "string" && value !== "" && value.length <= subjectLengthMax;
  return isText && value.isWellFormed() && !/\p{Cc}/u.test(value);
}

function workspaceIdsOf(rule: WorkspaceRule, claims: Claims): string[] {
  if ("ids" in rule) return [...rule.ids];
  const named = [...new Set(wordsOf(claimAt(claims, rule.claim)))];
  return rule.allowed === "*" ? named : named.filter((id) => rule.allowed.includes(id));
}

function roleOf(rule: RoleRule, claims: Claims): Role | undefined {
  if ("fixed" in rule) return rule.fixed;
  const named = wordsOf(claimAt(claims, rule.claim)).flatMap((word) => rule.map.get(word) ?? []);
  const ranks = named.map((role) => roles.indexOf(role));
  const rank = ranks.length > 0 ? Math.max(...ranks) : rule.byDefault ? roles.indexOf(rule.byDefault) : -1;
  return roles[Math.min(rank, roles.indexOf(rule.max))];
}

// This scope covers no permission. A scope claim without any known scope must narrow to nothing.
const noScope = "none";

function scopesOf({ claim, map }: ScopeRule, claims: Claims): string[] {
  const value = claimAt(claims, claim);
  if (value === undefined) return [];
  const words = typeof value === "string" ? value.split(" ").slice(0, wordsMax) : wordsOf(value);
  const scopes = words.flatMap((word) => map.get(word) ?? (isScope(word) ? [word] : []));
  return scopes.length > 0 ? [...new Set(scopes)] : [noScope];
}

function claimAt(claims: Claims, path: ClaimPath): unknown {
  return path.reduce<unknown>(
    (value, name) =>
      typeof value === "object" && value !== null && Object.hasOwn(value, name)
        ? (value as Record<string, unknown>)[name]
        : undefined,
    claims,
  );
}

/** Reads a claim that is one word or a list of words. */
function wordsOf(value: unknown): string[] {
  const list = Array.isArray(value) ? value.slice(0, wordsMax) : [value];
  return list.filter((word) => typeof word === "string");
}
