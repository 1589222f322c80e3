// The compiled access rules of a workspace. Each part is compiled on first use.
import { type AccessRule, patternsOf, type SecretLocation } from "./access-rule.ts";
import { createPathTrie, type PathTrie } from "./path-trie.ts";
import { isCovered, narrow, type Permission, pathPermissions, type Role } from "./permission.ts";

/** The rules of one workspace at one time. */
export interface RuleSet {
  workspaceId: string;
  byPrincipal: ReadonlyMap<string, SubjectRules>;
  byRole: ReadonlyMap<string, SubjectRules>;
}

/** A pattern with its permissions, in one region or in all. */
export interface RulePattern {
  region: string | undefined;
  pattern: string;
}

/** The rules for one principal, or for one role. */
interface SubjectRules {
  /** Returns the id of a rule that allows the permission there. */
  find(permission: Permission, place: SecretLocation): string | undefined;
  patterns(permission: Permission): readonly RulePattern[];
}

/** The permissions that rules give one caller, narrowed to the scopes of its credential. */
export interface MemberRules {
  set: RuleSet;
  /** Returns the rule that allows the permission there, for the audit trail; undefined: none. */
  allowing(permission: Permission, place: SecretLocation): string | undefined;
  isAllowedSomewhere(permission: Permission): boolean;
  /** Returns the patterns of rules that allow the permission; empty: nowhere. */
  patterns(permission: Permission): readonly RulePattern[];
}

/** `rules` must be authentic. */
export function compileRules(workspaceId: string, rules: readonly AccessRule[]): RuleSet {
  const byPrincipal = new Map<string, AccessRule[]>();
  const byRole = new Map<string, AccessRule[]>();
  for (const rule of rules) {
    const { subject } = rule;
    const [map, key] = "role" in subject ? [byRole, subject.role] : [byPrincipal, subject.principalId];
    const known = map.get(key);
    if (known) known.push(rule);
    else map.set(key, [rule]);
  }
  return { workspaceId, byPrincipal: mapValues(byPrincipal, subjectRules), byRole: mapValues(byRole, subjectRules) };
}

/** Whether rules could add permissions. They are not loaded for callers who hold everything already. */
export function rulesCouldAdd(permissions: ReadonlySet<Permission>, scopes: readonly string[]): boolean {
  const reachable = narrow(new Set(pathPermissions), scopes);
  return [...reachable].some((permission) => !permissions.has(permission));
}

export function memberRules(
  set: RuleSet,
  { principalId, role, scopes }: { principalId: string; role: Role; scopes: readonly string[] },
): MemberRules {
  const reachable = narrow(new Set(pathPermissions), scopes);
  const own = [set.byRole.get(role), set.byPrincipal.get(principalId)].filter((rules) => rules !== undefined);
  return {
    set,
    allowing(permission, place) {
      if (!reachable.has(permission)) return undefined;
      for (const rules of own) {
        const ruleId = rules.find(permission, place);
        if (ruleId !== undefined) return `rule:${ruleId}`;
      }
      return undefined;
    },
    isAllowedSomewhere: (permission) =>
      reachable.has(permission) && own.some((rules) => rules.patterns(permission).length > 0),
    patterns: (permission) => (reachable.has(permission) ? own.flatMap((rules) => rules.patterns(permission)) : []),
  };
}

function subjectRules(rules: readonly AccessRule[]): SubjectRules {
  const tries = new Map<string, PathTrie>();
  const patterns = new Map<Permission, readonly RulePattern[]>();
  const giving = (permission: Permission) => rules.filter((rule) => isCovered(permission, rule.permissions));
  return {
    find(permission, { region, path }) {
      const key = `${permission} ${region}`;
      let trie = tries.get(key);
      if (!trie) {
        trie = trieOf(giving(permission).filter((rule) => rule.region === undefined || rule.region === region));
        tries.set(key, trie);
      }
      return trie.find(path);
    },
    patterns(permission) {
      let known = patterns.get(permission);
      if (!known) {
        known = giving(permission).flatMap((rule) =>
          patternsOf(rule).map((pattern) => ({ region: rule.region, pattern })),
        );
        patterns.set(permission, known);
      }
      return known;
    },
  };
}

function trieOf(rules: readonly AccessRule[]): PathTrie {
  const trie = createPathTrie();
  for (const rule of rules) for (const pattern of patternsOf(rule)) trie.add(pattern, rule.ruleId);
  return trie;
}

function mapValues<From, To>(map: ReadonlyMap<string, From>, to: (value: From) => To): Map<string, To> {
  return new Map([...map].map(([key, value]) => [key, to(value)]));
}
