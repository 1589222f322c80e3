// Lists one level of the tree of paths without reading the levels below.
import type { Sql } from "./database.ts";
import { isActive, type StoredSecret, secretColumns, toSecretAt } from "./rows/secret.ts";
import type { ArrayRow } from "./rows/select.ts";
import { shapeOf, type VisiblePaths, visibleConditions } from "./visible-paths.ts";

export interface Level {
  workspaceId: string;
  region: string;
  /** With a slash at its end. */
  path: string;
}

/** A secret at this path; or, with a slash at the end, a prefix of further paths. */
export interface LevelEntry {
  path: string;
  /** Undefined for a prefix. */
  secretId: string | undefined;
}

/**
 * Returns the next `limit` entries after `after`, by path: visible secrets, and prefixes of visible secrets. Each entry is one look-up in
 * the index: after a secret the next path, after a prefix the next path that is not below it. Paths have no control characters, and `0`
 * is the character after the slash.
 */
export async function browseSecrets(
  sql: Sql,
  level: Level,
  visible: VisiblePaths,
  after: string | undefined,
  limit: number,
): Promise<LevelEntry[]> {
  const values: unknown[] = [
    level.workspaceId,
    level.region,
    level.path,
    after === undefined ? level.path : pathsBehind(after),
    `${level.path.slice(0, -1)}0`,
    limit,
  ];
  const conditions = visibleConditions(visible, (value) => `$${values.push(value)}`);
  const rows = await sql.query<{ path: string; secret_id: string | null }>({
    name: nameOf("browse_secrets", visible),
    listOf: level.workspaceId,
    text: `with recursive entry (path, secret_id, n) as (
        (${nextEntry("$4", "1", conditions)})
        union all
        select next.* from entry e cross join lateral (${nextEntry(behind, "e.n + 1", conditions)}) next where e.n < $6
      )
      select e.path, e.secret_id from entry e order by e.n`,
    values,
  });
  return rows.map(({ path, secret_id: secretId }) => ({ path, secretId: secretId ?? undefined }));
}

const behind = `case when e.secret_id is null then left(e.path, -1) || '0' else e.path || chr(1) end`;

function pathsBehind(path: string): string {
  return path.endsWith("/") ? `${path.slice(0, -1)}0` : `${path}\u0001`;
}

function nameOf(name: string, visible: VisiblePaths): string {
  return visible.length === 0 ? name : `${name}_${shapeOf(visible)}`;
}

function nextEntry(from: string, n: string, conditions: readonly string[]): string {
  const rest = "substr(s.path, length($3) + 1)";
  const isBelow = `position('/' in ${rest}) > 0`;
  return `select
      case when ${isBelow} then $3 || split_part(${rest}, '/', 1) || '/' else s.path end collate "C",
      case when ${isBelow} then null else s.secret_id end,
      ${n}
    from secret s
    where s.workspace_id = $1 and s.region = $2 and ${isActive} and s.path >= ${from} and s.path < $5
      ${conditions.map((condition) => `and ${condition}`).join(" ")}
    order by s.path limit 1`;
}

/** Returns the secrets with these ids that are visible now, by path. */
export async function findSecretsById(
  sql: Sql,
  workspaceId: string,
  visible: VisiblePaths,
  secretIds: readonly string[],
): Promise<StoredSecret[]> {
  const values: unknown[] = [workspaceId, secretIds];
  const conditions = ["s.workspace_id = $1", "s.secret_id = any ($2)", isActive];
  conditions.push(...visibleConditions(visible, (value) => `$${values.push(value)}`));
  const rows = await sql.query<ArrayRow>({
    name: nameOf("find_secrets_by_id", visible),
    rowMode: "array",
    text: `select ${secretColumns} from secret s where ${conditions.join(" and ")} order by s.path`,
    values,
  });
  return rows.map(toSecretAt);
}
