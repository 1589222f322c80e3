// Reads, inserts and deletes access rules, and counts their changes.
import type { AccessRule } from "../domain/access/access-rule.ts";
import type { Role } from "../domain/access/permission.ts";
import { firstOrUndefined, only } from "./connection/single-row.ts";
import type { Sql, Tx } from "./database.ts";
import { accessRuleTable, type StoredAccessRule, subjectColumns, toAccessRule } from "./rows/access-rule.ts";
import { type DriverRow, select } from "./rows/select.ts";
import { propertiesBut } from "./rows/table.ts";
import { write } from "./rows/write.ts";

/** A trigger announces the workspaces whose rules have changed on this channel. */
export const accessChannel = "coffer_access_changed";

const stored = select(accessRuleTable, propertiesBut(accessRuleTable));
const inserted = propertiesBut(accessRuleTable, "createTime");
const newRules = write(accessRuleTable, inserted);
const rulesOfSecret = write(accessRuleTable, inserted, { further: { source_secret_id: "$2" } });

function toRule(row: DriverRow): StoredAccessRule {
  return toAccessRule(stored.read(row));
}

/** Returns all rules of a workspace by id, and their revision. Fails when there is no such workspace. */
export async function loadAccessRules(
  sql: Sql,
  workspaceId: string,
): Promise<{ revision: number; rules: StoredAccessRule[] }> {
  const rows = await sql.query<DriverRow & { access_revision: number }>({
    name: "load_access_rules",
    isLookup: true,
    text: `select w.access_revision, ${stored.sql}
      from workspace w left join access_rule r on r.workspace_id = w.workspace_id
      where w.workspace_id = $1 order by r.rule_id`,
    values: [workspaceId],
  });
  const first = firstOrUndefined(rows);
  if (!first) throw new Error("the workspace of a membership is gone");
  const rules = rows.filter((row) => row["rule_id"] !== null).map(toRule);
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
  const rows = await tx.query<DriverRow>({
    name: "insert_access_rule",
    text: `${newRules.insert()} returning ${stored.sql}`,
    values: newRules.values({ ...rule, ...subjectColumns(rule) }),
  });
  return toRule(only(rows));
}

/** Inserts the rules of a secret's access policy in one statement. */
export async function insertAccessRules(
  tx: Tx,
  sourceSecretId: string,
  rules: readonly Omit<StoredAccessRule, "createTime">[],
): Promise<void> {
  await tx.query({
    name: "insert_access_rules",
    text: rulesOfSecret.insertAll("$1"),
    values: [rulesOfSecret.json(rules.map((rule) => ({ ...rule, ...subjectColumns(rule) }))), sourceSecretId],
  });
}

/** Deletes the rules of a secret's access policy. Returns whether there were any. */
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
  const rows = await sql.query<DriverRow>({
    name: "find_access_rule",
    text: `select ${stored.sql} from access_rule r where r.workspace_id = $1 and r.rule_id = $2`,
    values: [workspaceId, ruleId],
  });
  const row = firstOrUndefined(rows);
  return row && toRule(row);
}

/** Returns whether there was such a rule. */
export async function deleteAccessRule(tx: Tx, workspaceId: string, ruleId: string): Promise<boolean> {
  const rows = await tx.query({
    name: "delete_access_rule",
    text: "delete from access_rule where workspace_id = $1 and rule_id = $2 returning rule_id",
    values: [workspaceId, ruleId],
  });
  return rows.length === 1;
}

/** Returns the next `limit` rules after the id `afterId`, by id: those of one subject if it is given, else all. */
export async function listAccessRules(
  sql: Sql,
  workspaceId: string,
  query: { principalId: string | null; role: Role | null; afterId: string; limit: number },
): Promise<AccessRule[]> {
  const rows = await sql.query<DriverRow>({
    name: "list_access_rules",
    text: `select ${stored.sql} from access_rule r
      where r.workspace_id = $1 and r.rule_id > $2 and ($3::text is null or r.principal_id = $3)
        and ($4::text is null or r.role = $4)
      order by r.rule_id limit $5`,
    values: [workspaceId, query.afterId, query.principalId, query.role, query.limit],
  });
  return rows.map(toRule);
}

/** Returns every permission, group or named set that a rule gives to this role or principal at any path. */
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
