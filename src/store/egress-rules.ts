// Reads and writes egress rules of secrets with their MACs.
import type { EgressRule } from "../domain/egress/egress-rule.ts";
import type { Secret } from "../domain/secret/secret.ts";
import { firstOrUndefined } from "./connection/single-row.ts";
import type { Sql, Tx } from "./database.ts";
import { secretTable } from "./rows/secret.ts";
import { type DriverRow, select } from "./rows/select.ts";
import { write } from "./rows/write.ts";

export interface StoredEgressRule {
  rule: EgressRule;
  mac: Uint8Array;
}

const egressProperties = ["egress", "egressMac"] as const;
const egressColumns = write(secretTable, egressProperties);
const storedEgress = select(secretTable, egressProperties);

/** Sets or clears the rule. The caller increments the secret's revision. */
export async function updateEgressRule(
  tx: Tx,
  { workspaceId, secretId }: Pick<Secret, "workspaceId" | "secretId">,
  stored: StoredEgressRule | undefined,
): Promise<void> {
  await tx.query({
    name: "update_egress_rule",
    text: `update secret s set ${egressColumns.assign(3)} where s.workspace_id = $1 and s.secret_id = $2`,
    values: [workspaceId, secretId, ...egressColumns.values({ egress: stored?.rule, egressMac: stored?.mac })],
  });
}

/** Returns undefined for a secret without an egress rule. */
export async function findEgressRule(
  sql: Sql,
  { workspaceId, secretId }: Pick<Secret, "workspaceId" | "secretId">,
): Promise<StoredEgressRule | undefined> {
  const rows = await sql.query<DriverRow>({
    name: "find_egress_rule",
    text: `select ${storedEgress.sql} from secret s
      where s.workspace_id = $1 and s.secret_id = $2 and s.egress_rule is not null`,
    values: [workspaceId, secretId],
  });
  const row = firstOrUndefined(rows);
  if (!row) return undefined;
  const { egress: rule, egressMac: mac = new Uint8Array() } = storedEgress.read(row);
  return rule && { rule, mac };
}
