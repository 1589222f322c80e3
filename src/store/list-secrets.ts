// Lists secrets in pages, by path and id.
import type { SecretState } from "../domain/secret.ts";
import type { Sql } from "./database.ts";
import { afterPrefix } from "./path-range.ts";
import { isActive, type SecretRow, type StoredSecret, secretColumns, toSecret } from "./rows.ts";
import { shapeOf, type VisiblePaths, visibleConditions } from "./visible-paths.ts";

/** All conditions must hold; an undefined one always does. */
export interface SecretFilter {
  workspaceId: string;
  region: string | undefined;
  pathPrefix: string | undefined;
  kind: string | undefined;
  labels: Record<string, string>;
  states: readonly SecretState[];
}

/** Where a page ended. */
export interface SecretPosition {
  path: string;
  secretId: string;
}

/** The next `limit` secrets after `after`, of those that are visible. */
export async function listSecrets(
  sql: Sql,
  filter: SecretFilter,
  visible: VisiblePaths,
  after: SecretPosition | undefined,
  limit: number,
): Promise<StoredSecret[]> {
  const values: unknown[] = [filter.workspaceId];
  const parameter = (value: unknown) => `$${values.push(value)}`;
  const conditions = ["s.workspace_id = $1", stateCondition(filter.states)];
  if (filter.region !== undefined) conditions.push(`s.region = ${parameter(filter.region)}`);
  if (filter.kind !== undefined) conditions.push(`s.kind = ${parameter(filter.kind)}`);
  if (filter.pathPrefix !== undefined) conditions.push(`starts_with(s.path, ${parameter(filter.pathPrefix)})`);
  // The range lets the index find the prefix, and stop: under the "C" collation text sorts by its code points.
  if (filter.pathPrefix !== undefined) {
    conditions.push(
      `s.path >= ${parameter(filter.pathPrefix)} and s.path < ${parameter(afterPrefix(filter.pathPrefix))}`,
    );
  }
  if (Object.keys(filter.labels).length > 0) {
    conditions.push(`s.labels @> ${parameter(JSON.stringify(filter.labels))}`);
  }
  conditions.push(...visibleConditions(visible, parameter));
  if (after) conditions.push(`(s.path, s.secret_id) > (${parameter(after.path)}, ${parameter(after.secretId)})`);
  const text = `select ${secretColumns} from secret s where ${conditions.join(" and ")}
    order by s.path, s.secret_id limit ${parameter(limit)}`;
  const rows = await sql.query<SecretRow>({ name: nameOf(filter, visible, after), text, values });
  return rows.map(toSecret);
}

function stateCondition(states: readonly SecretState[]): string {
  const [only] = states;
  if (only === undefined || states.length > 1) return "true";
  return only === "ACTIVE" ? isActive : `not ${isActive}`;
}

// Each combination of conditions is a statement of its own, which Postgres plans once.
function nameOf(filter: SecretFilter, visible: VisiblePaths, after: SecretPosition | undefined): string {
  const parts = [
    filter.states.length === 1 ? filter.states[0] : "any",
    filter.region === undefined ? "" : "region",
    filter.kind === undefined ? "" : "kind",
    filter.pathPrefix === undefined ? "" : "prefix",
    Object.keys(filter.labels).length === 0 ? "" : "labels",
    shapeOf(visible),
    after === undefined ? "" : "after",
  ];
  return ["list_secrets", ...parts.filter((part) => part !== "")].join("_").toLowerCase();
}
