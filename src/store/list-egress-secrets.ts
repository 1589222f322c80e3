// Lists the secrets with an egress rule, newest first.
import type { Sql } from "./database.ts";
import { isActive, type StoredSecret, secretColumnsWithoutAnnotations, toSecret } from "./rows/secret.ts";
import type { DriverRow } from "./rows/select.ts";
import { type VisiblePaths, visibleConditions } from "./visible-paths.ts";

/** Returns all that are active and visible. */
export async function listEgressSecrets(
  sql: Sql,
  { workspaceId, region }: { workspaceId: string; region: string },
  visible: VisiblePaths,
): Promise<StoredSecret[]> {
  const values: unknown[] = [workspaceId, region];
  const conditions = visibleConditions(visible, (value) => `$${values.push(value)}`);
  const where = ["s.workspace_id = $1", "s.region = $2", "s.egress_rule is not null", isActive, ...conditions];
  const rows = await sql.query<DriverRow>({
    name: `list_egress_secrets_${values.length}`,
    listOf: workspaceId,
    text: `select ${secretColumnsWithoutAnnotations} from secret s where ${where.join(" and ")} order by s.secret_id desc`,
    values,
  });
  return rows.map(toSecret);
}
