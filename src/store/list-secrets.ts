// Lists secrets in pages, by path and id.
import type { SecretState } from "../domain/secret/secret.ts";
import type { Sql } from "./database.ts";
import { afterPrefix } from "./path-range.ts";
import { isActive, secretText } from "./rows/secret.ts";
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

/** The end of a page. */
export interface SecretPosition {
  path: string;
  secretId: string;
}

/** Returns the texts of the next `limit` visible secrets after `after`: most are as they were in the last list. */
export async function listSecrets(
  sql: Sql,
  filter: SecretFilter,
  visible: VisiblePaths,
  after: SecretPosition | undefined,
  limit: number,
): Promise<string[]> {
  const values: unknown[] = [filter.workspaceId];
  const parameter = (value: unknown) => `$${values.push(value)}`;
  const conditions = ["s.workspace_id = $1", stateCondition(filter.states)];
  if (filter.region !== undefined) conditions.push(`s.region = ${parameter(filter.region)}`);
  const kind = filter.kind === undefined ? undefined : parameter(filter.kind);
  // A range instead of `=`: otherwise Postgres may choose the index of all secrets for the order, and read other kinds too.
  if (kind !== undefined) conditions.push(`${kindColumn} >= ${kind} and ${kindColumn} <= ${kind}`);
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
  const few = await findFewLabelled(sql, filter);
  if (few) conditions.push(`s.secret_id = any (${parameter(few)})`);
  conditions.push(...visibleConditions(visible, parameter));
  const first = kind === undefined ? "" : `${kindColumn}, `;
  if (after) {
    const position = `${parameter(after.path)}, ${parameter(after.secretId)}`;
    conditions.push(`(${first}s.path, s.secret_id) > (${kind === undefined ? "" : `${kind}, `}${position})`);
  }
  const text = `select ${secretText} from secret s where ${conditions.join(" and ")}
    order by ${first}s.path, s.secret_id limit ${parameter(limit)}`;
  const rows = await sql.query<readonly [text: string]>({
    name: nameOf(filter, visible, after, few !== undefined),
    listOf: filter.workspaceId,
    rowMode: "array",
    text,
    values,
  });
  return rows.map(([secret]) => secret);
}

/** The index sorts kinds in this order. */
const kindColumn = `s.kind collate "C"`;

function stateCondition(states: readonly SecretState[]): string {
  const [only] = states;
  if (only === undefined || states.length > 1) return "true";
  // Two conditions, each of which has an index.
  return only === "ACTIVE" ? isActive : "(s.state <> 'ACTIVE' or (s.state = 'ACTIVE' and s.expire_time <= now()))";
}

// Sorting this many is fast. With more matches a scan in the order of paths soon finds a page of them.
const fewMax = 2_000;

/** Returns the ids of all secrets with these labels; undefined when there are too many, or no labels are given. */
async function findFewLabelled(
  sql: Sql,
  { workspaceId, labels }: Pick<SecretFilter, "workspaceId" | "labels">,
): Promise<string[] | undefined> {
  if (Object.keys(labels).length === 0) return undefined;
  const rows = await sql.query<{ secret_id: string }>({
    name: "find_labelled_secrets",
    listOf: workspaceId,
    text: `select s.secret_id from secret s
      where jsonb_set('{}'::jsonb, array[s.workspace_id], s.labels) @> $1::jsonb limit ${fewMax + 1}`,
    values: [JSON.stringify({ [workspaceId]: labels })],
  });
  return rows.length > fewMax ? undefined : rows.map((row) => row.secret_id);
}

// Each combination of conditions is a statement of its own, which Postgres plans once.
function nameOf(
  filter: SecretFilter,
  visible: VisiblePaths,
  after: SecretPosition | undefined,
  areFew: boolean,
): string {
  const parts = [
    filter.states.length === 1 ? filter.states[0] : "any",
    filter.region === undefined ? "" : "region",
    filter.kind === undefined ? "" : "kind",
    filter.pathPrefix === undefined ? "" : "prefix",
    Object.keys(filter.labels).length === 0 ? "" : "labels",
    areFew ? "few" : "",
    shapeOf(visible),
    after === undefined ? "" : "after",
  ];
  return ["list_secrets", ...parts.filter((part) => part !== "")].join("_").toLowerCase();
}
