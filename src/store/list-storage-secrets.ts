// Lists the credentials of cloud storage, by path.
import type { Sql } from "./database.ts";
import { isActive, type StoredSecret, secretColumnsWithoutAnnotations, toSecret } from "./rows/secret.ts";
import type { DriverRow } from "./rows/select.ts";
import { type VisiblePaths, visibleConditions } from "./visible-paths.ts";

// A range of the index: `0` is the character after the slash.
const isStorage = `s.kind collate "C" >= 'storage/' and s.kind collate "C" < 'storage0'`;

/** Returns `limit` active and visible ones after the first `offset`. */
export async function listStorageSecrets(
  sql: Sql,
  { workspaceId, region }: { workspaceId: string; region: string },
  visible: VisiblePaths,
  { limit, offset }: { limit: number; offset: number },
): Promise<StoredSecret[]> {
  const values: unknown[] = [workspaceId, region, limit, offset];
  const conditions = visibleConditions(visible, (value) => `$${values.push(value)}`);
  const where = ["s.workspace_id = $1", "s.region = $2", isStorage, isActive, ...conditions];
  const rows = await sql.query<DriverRow>({
    name: `list_storage_secrets_${values.length}`,
    listOf: workspaceId,
    text: `select ${secretColumnsWithoutAnnotations} from secret s where ${where.join(" and ")}
      order by s.path, s.secret_id limit $3 offset $4`,
    values,
  });
  return rows.map(toSecret);
}
