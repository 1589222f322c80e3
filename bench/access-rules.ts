// The cost of checking access rules, with few and with very many rules, measured in one run.
import { performance } from "node:perf_hooks";
import { type AccessRule, accessRulesMax } from "../src/domain/access/access-rule.ts";
import { compileRules, memberRules, type RuleSet } from "../src/domain/access/rule-set.ts";

const principalId = "prn_bench";
const fewRules = 10;
const checksPerRound = 2_000;
const rounds = 50;

/** Patterns by the number of their rule, with paths that the last rule allows, and that none does. */
const kinds: Record<string, { pattern: (n: number) => string; allowed: (last: number) => string; denied: string }> = {
  "a folder each": {
    pattern: (n) => `/team-${n}/production/*`,
    allowed: (last) => `/team-${last}/production/db/password`,
    denied: "/team-x/production/db/password",
  },
  "part of a segment": {
    pattern: (n) => `/shared/production/db-${n}-*/password`,
    allowed: (last) => `/shared/production/db-${last}-replica/password`,
    denied: "/shared/production/db-x-replica/password",
  },
  "within a segment": {
    pattern: (n) => `/shared/production/*-${n}-db/password`,
    allowed: (last) => `/shared/production/replica-${last}-db/password`,
    denied: "/shared/production/replica-x-db/password",
  },
  "below any folder": {
    pattern: (n) => `/*/team-${n}/*`,
    allowed: (last) => `/a/team-${last}/c/d/password`,
    denied: "/a/team-x/c/d/password",
  },
  // Patterns of an attacker who tries to slow down the checks: every pattern is tried.
  "as bad as can be": {
    pattern: (n) => `/${"a".repeat(n % 100)}*${"a".repeat(Math.floor(n / 100))}/x-${n}`,
    allowed: (last) => `/${"a".repeat(400)}/x-${last}`,
    denied: `/${"a".repeat(400)}/y`,
  },
};

function setOf(count: number, pattern: (n: number) => string): RuleSet {
  const rules = Array.from(
    { length: count },
    (_, n): AccessRule => ({
      workspaceId: "ws_bench",
      ruleId: `acr_${n}`,
      subject: { principalId },
      permissions: ["secrets:ReadAccess"],
      pathPatterns: [pattern(n)],
      region: undefined,
      note: "",
      createTime: new Date(0),
    }),
  );
  return compileRules("ws_bench", rules);
}

/** Microseconds a check: the median of the rounds. */
function measure(set: RuleSet, path: string, expected: boolean): { microseconds: number; firstMs: number } {
  const rules = memberRules(set, { principalId, role: "MEMBER", scopes: [] });
  const place = { region: "default", path };
  const start = performance.now();
  if ((rules.allowing("secrets.read", place) !== undefined) !== expected) throw new Error(`wrong about ${path}`);
  const firstMs = performance.now() - start;
  const times = Array.from({ length: rounds }, () => {
    const from = performance.now();
    for (let i = 0; i < checksPerRound; i++) rules.allowing("secrets.read", place);
    return ((performance.now() - from) * 1_000) / checksPerRound;
  });
  return { microseconds: times.sort((a, b) => a - b)[rounds >> 1] as number, firstMs };
}

console.log("microseconds a check (the first one, which compiles, in milliseconds)");
for (const [name, { pattern, allowed, denied }] of Object.entries(kinds)) {
  for (const count of [fewRules, accessRulesMax]) {
    const yes = measure(setOf(count, pattern), allowed(count - 1), true);
    const no = measure(setOf(count, pattern), denied, false);
    const cell = ({ microseconds, firstMs }: typeof yes) => `${microseconds.toFixed(2)} (${firstMs.toFixed(1)} ms)`;
    console.log(`${name.padEnd(18)} ${String(count).padStart(6)} rules: allowed ${cell(yes)}, denied ${cell(no)}`);
  }
}
