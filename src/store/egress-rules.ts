// Egress rules of secrets, with the MACs that vouch for them.
import type { EgressRule } from "../domain/egress/egress-rule.ts";
import type { Secret } from "../domain/secret/secret.ts";
import { firstOrUndefined } from "./connection/single-row.ts";
import type { Sql, Tx } from "./database.ts";

export interface StoredEgressRule {
  rule: EgressRule;
  mac: Uint8Array;
}

/** Sets or clears the rule; the change is counted by who makes it. */
export async function updateEgressRule(
  tx: Tx,
  { workspaceId, secretId }: Pick<Secret, "workspaceId" | "secretId">,
  stored: StoredEgressRule | undefined,
): Promise<void> {
  await tx.query({
    name: "update_egress_rule",
    text: `update secret s set egress_rule = $3::jsonb, egress_mac = $4::bytea where s.workspace_id = $1 and s.secret_id = $2`,
    values: [workspaceId, secretId, stored ? JSON.stringify(stored.rule) : null, stored?.mac ?? null],
  });
}

/** Undefined for a secret without one. */
export async function findEgressRule(
  sql: Sql,
  { workspaceId, secretId }: Pick<Secret, "workspaceId" | "secretId">,
): Promise<StoredEgressRule | undefined> {
  const rows = await sql.query<{ egress_rule: EgressRule; egress_mac: Uint8Array | null }>({
    name: "find_egress_rule",
    text: `select s.egress_rule, s.egress_mac from secret s
      where s.workspace_id = $1 and s.secret_id = $2 and s.egress_rule is not null`,
    values: [workspaceId, secretId],
  });
  const row = firstOrUndefined(rows);
  return row && { rule: row.egress_rule, mac: row.egress_mac ?? new Uint8Array() };
}
