// Lists the credentials of cloud storage, by path.
import type { Secret } from "../domain/secret.ts";
import type { Sql } from "./database.ts";
import { isActive, type SecretRow, secretColumnsWithoutAnnotations, toSecret } from "./rows.ts";
import { type VisiblePaths, visibleConditions } from "./visible-paths.ts";

/** Of the active ones that are visible, `limit` after the first `offset`. */
export async function listStorageSecrets(
  sql: Sql,
  { workspaceId, region }: { workspaceId: string; region: string },
  visible: VisiblePaths,
  { limit, offset }: { limit: number; offset: number },
): Promise<Secret[]> {
  const values: unknown[] = [workspaceId, region, limit, offset];
  const conditions = visibleConditions(visible, (value) => `$${values.push(value)}`);
  const where = ["s.workspace_id = $1", "s.region = $2", "starts_with(s.kind, 'storage/')", isActive, ...conditions];
  const rows = await sql.query<SecretRow>({
    name: `list_storage_secrets_${values.length}`,
    text: `select ${secretColumnsWithoutAnnotations} from secret s where ${where.join(" and ")}
      order by s.path, s.secret_id limit $3 offset $4`,
    values,
  });
  return rows.map(toSecret);
}
