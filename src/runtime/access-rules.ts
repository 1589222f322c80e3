// Keeps the authentic access rules of workspaces in memory, and loads them once for each change.

import { compileRules, type RuleSet } from "../domain/access/rule-set.ts";
import { type AuditEvent, systemPrincipalId } from "../domain/audit/audit-event.ts";
import { BoundedMap } from "../domain/bounded-map.ts";
import { newId } from "../domain/ids.ts";
import type { DeploymentKeys } from "../envelope/deployment-keys.ts";
import { coveredOfAccessRule, isAuthentic } from "../integrity/row-macs.ts";
import type { RandomPort, TimePort } from "../ports.ts";
import { loadAccessRules } from "../store/access-rules.ts";
import type { Sql } from "../store/database.ts";
import type { StoredAccessRule } from "../store/rows/access-rule.ts";
import type { AuditTrail } from "./audit-trail.ts";

export interface AccessRules {
  /** Returns the rules at `revision` or later. Revision 0 means that the workspace has never had a rule, so nothing is loaded. */
  get(workspaceId: string, revision: number): Promise<RuleSet>;
  /** Whether no newer rules are known. */
  isCurrent(set: RuleSet): boolean;
  /** Called when the rules of a workspace have changed. */
  drop(workspaceId: string): void;
  /** Called when changes may have been missed. */
  clear(): void;
}

interface AccessRulesDeps extends TimePort, RandomPort {
  database: Sql;
  deploymentKeys: Pick<DeploymentKeys, "rowMacKey">;
  audit: AuditTrail;
}

interface Kept {
  revision: number;
  set: Promise<RuleSet>;
  loaded: RuleSet | undefined;
}

const workspacesMax = 10_000;

/** `onUnreported` is called when the event about a forged rule could not be written. */
export function createAccessRules(deps: AccessRulesDeps, onUnreported: (error: unknown) => void): AccessRules {
  const kept = new BoundedMap<string, Kept>(workspacesMax);
  // Workspaces whose revision is higher than callers may know.
  const changed = new Set<string>();

  function keep(workspaceId: string, entry: Kept): Promise<RuleSet> {
    kept.set(workspaceId, entry);
    return entry.set;
  }

  function load(workspaceId: string, revision: number): Promise<RuleSet> {
    changed.delete(workspaceId);
    const reading = readRules(deps, workspaceId, onUnreported);
    const entry: Kept = { revision, loaded: undefined, set: reading.then(({ set }) => set) };
    reading.then(
      (read) => {
        entry.revision = read.revision;
        entry.loaded = read.set;
      },
      () => {
        if (kept.get(workspaceId) === entry) kept.delete(workspaceId);
        changed.add(workspaceId);
      },
    );
    return keep(workspaceId, entry);
  }

  return {
    get(workspaceId, revision) {
      const found = kept.get(workspaceId);
      if (found && found.revision >= revision) return found.set;
      if (revision > 0 || changed.has(workspaceId)) return load(workspaceId, revision);
      const none = compileRules(workspaceId, []);
      return keep(workspaceId, { revision, set: Promise.resolve(none), loaded: none });
    },
    isCurrent: (set) => kept.get(set.workspaceId)?.loaded === set,
    drop(workspaceId) {
      kept.delete(workspaceId);
      changed.add(workspaceId);
    },
    clear() {
      for (const workspaceId of kept.keys()) changed.add(workspaceId);
      kept.clear();
    },
  };
}

async function readRules(
  deps: AccessRulesDeps,
  workspaceId: string,
  onUnreported: (error: unknown) => void,
): Promise<{ revision: number; set: RuleSet }> {
  const { revision, rules } = await loadAccessRules(deps.database, workspaceId);
  const isReal = (rule: StoredAccessRule) => isAuthentic(deps.deploymentKeys, coveredOfAccessRule(rule), rule.mac);
  const { real = [], forged = [] } = Object.groupBy(rules, (rule) => (isReal(rule) ? "real" : "forged"));
  for (const rule of forged) deps.audit.record(forgedEvent(deps, rule)).catch(onUnreported);
  return { revision, set: compileRules(workspaceId, real) };
}

function forgedEvent(deps: AccessRulesDeps, { workspaceId, ruleId }: StoredAccessRule): AuditEvent {
  const now = deps.now();
  return {
    eventId: newId("aud", now, deps.random),
    workspaceId,
    requestId: newId("req", now, deps.random),
    principalId: systemPrincipalId,
    tokenId: "",
    method: "coffer.access/LoadRules",
    resourceType: "access_rule",
    resourceId: ruleId,
    decision: "DENY",
    rule: `rule:${ruleId}`,
    address: "",
    userAgent: "",
    result: "VALUE_CORRUPT",
    occurrences: 1,
  };
}
