// Access rules: their rows, and how often those of a workspace have changed.
import type { AccessRule, RuleSubject } from "../domain/access/access-rule.ts";
import type { Role } from "../domain/access/permission.ts";
import { firstOrUndefined, only } from "./connection/single-row.ts";
import type { Sql, Tx } from "./database.ts";

/** The channel on which the workspaces whose rules have changed are announced: by a trigger. */
export const accessChannel = "coffer_access_changed";

/** A rule as stored; its mac covers all that decides what it allows. */
export interface StoredAccessRule extends AccessRule {
  mac: Uint8Array;
}

const columns = `r.workspace_id, r.rule_id, r.principal_id, r.role, r.permissions, r.path_patterns, r.region, r.note,
  r.create_time, r.mac`;

interface RuleRow {
  workspace_id: string;
  rule_id: string;
  principal_id: string | null;
  role: Role | null;
  permissions: string[];
  path_patterns: string[];
  region: string | null;
  note: string;
  create_time: Date;
  mac: Uint8Array;
}

function toRule(row: RuleRow): StoredAccessRule {
  const subject: RuleSubject = row.role === null ? { principalId: row.principal_id ?? "" } : { role: row.role };
  return {
    workspaceId: row.workspace_id,
    ruleId: row.rule_id,
    subject,
    permissions: row.permissions,
    pathPatterns: row.path_patterns,
    region: row.region ?? undefined,
    note: row.note,
    createTime: row.create_time,
    mac: row.mac,
  };
}

/** All rules of a workspace by id, and the revision that they are at. Fails when there is no such workspace. */
export async function loadAccessRules(
  sql: Sql,
  workspaceId: string,
): Promise<{ revision: number; rules: StoredAccessRule[] }> {
  const rows = await sql.query<{ [K in keyof RuleRow]: RuleRow[K] | null } & { access_revision: number }>({
    name: "load_access_rules",
    isLookup: true,
    text: `select w.access_revision, ${columns}
      from workspace w left join access_rule r on r.workspace_id = w.workspace_id
      where w.workspace_id = $1 order by r.rule_id`,
    values: [workspaceId],
  });
  const first = firstOrUndefined(rows);
  if (!first) throw new Error("the workspace of a membership is gone");
  const rules = rows.filter(({ rule_id }) => rule_id !== null).map((row) => toRule(row as RuleRow));
  return { revision: first.access_revision, rules };
}

export async function countAccessRules(sql: Sql, workspaceId: string): Promise<number> {
  const rows = await sql.query<{ count: number }>({
    name: "count_access_rules",
    text: "select count(*) as count from access_rule where workspace_id = $1",
    values: [workspaceId],
  });
  return only(rows).count;
}

export async function insertAccessRule(tx: Tx, rule: Omit<StoredAccessRule, "createTime">): Promise<AccessRule> {
  const { subject } = rule;
  const rows = await tx.query<RuleRow>({
    name: "insert_access_rule",
    text: `insert into access_rule as r (
        workspace_id, rule_id, principal_id, role, permissions, path_patterns, region, note, mac)
      values ($1, $2, $3, $4, $5, $6, $7, $8, $9) returning ${columns}`,
    values: [
      rule.workspaceId,
      rule.ruleId,
      "role" in subject ? null : subject.principalId,
      "role" in subject ? subject.role : null,
      rule.permissions,
      rule.pathPatterns,
      rule.region ?? null,
      rule.note,
      rule.mac,
    ],
  });
  return toRule(only(rows));
}

/** Inserts rules that come with a secret, in one statement. */
export async function insertAccessRules(
  tx: Tx,
  sourceSecretId: string,
  rules: readonly (Omit<StoredAccessRule, "createTime" | "subject"> & { subject: { principalId: string } })[],
): Promise<void> {
  await tx.query({
    name: "insert_access_rules",
    text: `insert into access_rule (
        workspace_id, rule_id, principal_id, permissions, path_patterns, region, note, mac, source_secret_id)
      select r.workspace_id, r.rule_id, r.principal_id, r.permissions, r.path_patterns, r.region, r.note,
        decode(r.mac, 'hex'), $2
      from json_to_recordset($1::json) as r (
        workspace_id text, rule_id text, principal_id text, permissions text[], path_patterns text[], region text,
        note text, mac text)`,
    values: [JSON.stringify(rules.map(toInserted)), sourceSecretId],
  });
}

function toInserted(rule: Parameters<typeof insertAccessRules>[2][number]): Record<string, unknown> {
  return {
    workspace_id: rule.workspaceId,
    rule_id: rule.ruleId,
    principal_id: rule.subject.principalId,
    permissions: rule.permissions,
    path_patterns: rule.pathPatterns,
    region: rule.region ?? null,
    note: rule.note,
    mac: Buffer.from(rule.mac).toString("hex"),
  };
}

/** Deletes the rules that came with a secret, and says whether there were any. */
export async function deleteRulesOfSecret(
  tx: Tx,
  { workspaceId, secretId }: { workspaceId: string; secretId: string },
): Promise<boolean> {
  const rows = await tx.query({
    name: "delete_rules_of_secret",
    text: "delete from access_rule where workspace_id = $1 and source_secret_id = $2 returning rule_id",
    values: [workspaceId, secretId],
  });
  return rows.length > 0;
}

export async function findAccessRule(sql: Sql, workspaceId: string, ruleId: string): Promise<AccessRule | undefined> {
  const rows = await sql.query<RuleRow>({
    name: "find_access_rule",
    text: `select ${columns} from access_rule r where r.workspace_id = $1 and r.rule_id = $2`,
    values: [workspaceId, ruleId],
  });
  const row = firstOrUndefined(rows);
  return row && toRule(row);
}

/** Says whether there was such a rule. */
export async function deleteAccessRule(tx: Tx, workspaceId: string, ruleId: string): Promise<boolean> {
  const rows = await tx.query({
    name: "delete_access_rule",
    text: "delete from access_rule where workspace_id = $1 and rule_id = $2 returning rule_id",
    values: [workspaceId, ruleId],
  });
  return rows.length === 1;
}

/** The next `limit` rules after the id `afterId`, by id; those for anyone unless one subject is given. */
export async function listAccessRules(
  sql: Sql,
  workspaceId: string,
  query: { principalId: string | null; role: Role | null; afterId: string; limit: number },
): Promise<AccessRule[]> {
  const rows = await sql.query<RuleRow>({
    name: "list_access_rules",
    text: `select ${columns} from access_rule r
      where r.workspace_id = $1 and r.rule_id > $2 and ($3::text is null or r.principal_id = $3)
        and ($4::text is null or r.role = $4)
      order by r.rule_id limit $5`,
    values: [workspaceId, query.afterId, query.principalId, query.role, query.limit],
  });
  return rows.map(toRule);
}

/** Every permission, group or named set that a rule gives to this role or principal, anywhere. */
export async function findScopesOfRules(
  sql: Sql,
  workspaceId: string,
  { role, principalId }: { role: Role; principalId: string | undefined },
): Promise<string[]> {
  const rows = await sql.query<{ scope: string }>({
    name: "find_scopes_of_rules",
    text: `select distinct unnest(r.permissions) as scope from access_rule r
      where r.workspace_id = $1 and (r.role = $2 or r.principal_id = $3)`,
    values: [workspaceId, role, principalId ?? null],
  });
  return rows.map(({ scope }) => scope);
}
