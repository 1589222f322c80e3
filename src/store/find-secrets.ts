// Finds secrets: one, or those of many calls with one statement.
import type { SecretRef } from "../domain/secret/secret.ts";
import { pathOf } from "../domain/secret-name.ts";
import { firstOrUndefined } from "./connection/single-row.ts";
import type { Sql } from "./database.ts";
import { isActive, type StoredSecret, secretColumns, secretColumnsCount, toSecretAt } from "./rows/secret.ts";
import type { ArrayRow } from "./rows/select.ts";

/** A secret and the time of its read, by the database's clock. */
export interface TimedSecret extends StoredSecret {
  readTime: Date;
}

/** A request for one secret: by id in any state, by name only while it is active. */
export interface SecretAsk {
  workspaceId: string;
  secret: SecretRef;
}

const timedColumns = `${secretColumns}, now()`;
const ordinalIndex = secretColumnsCount + 1;

function toTimed(row: ArrayRow): TimedSecret {
  return Object.assign(toSecretAt(row), { readTime: row[secretColumnsCount] as Date });
}

export async function findSecret(sql: Sql, workspaceId: string, secret: SecretRef): Promise<TimedSecret | undefined> {
  const rows =
    secret.by === "id"
      ? await sql.query<ArrayRow>({
          name: "find_secret_by_id",
          rowMode: "array",
          text: `select ${timedColumns} from secret s where s.workspace_id = $1 and s.secret_id = $2`,
          values: [workspaceId, secret.secretId],
        })
      : await sql.query<ArrayRow>({
          name: "find_secret_by_path",
          rowMode: "array",
          text: `select ${timedColumns} from secret s
            where s.workspace_id = $1 and s.region = $2 and s.path = $3 and ${isActive}`,
          values: [workspaceId, secret.region, pathOf(secret.name)],
        });
  const row = firstOrUndefined(rows);
  return row && toTimed(row);
}

/** Returns results in the order of the asks; undefined where there is no such secret. */
export async function findSecrets(sql: Sql, asks: readonly SecretAsk[]): Promise<(TimedSecret | undefined)[]> {
  const [first] = asks;
  if (first && asks.length === 1) return [await findSecret(sql, first.workspaceId, first.secret)];
  const results: (TimedSecret | undefined)[] = new Array(asks.length).fill(undefined);
  const find = async (by: SecretRef["by"]) => {
    const indexes = [...asks.keys()].filter((index) => asks[index]?.secret.by === by);
    if (indexes.length === 0) return;
    const rows = await findAll(
      sql,
      by,
      indexes.map((index) => asks[index] as SecretAsk),
    );
    for (const row of rows) results[indexes[(row[ordinalIndex] as number) - 1] as number] = toTimed(row);
  };
  await Promise.all([find("id"), find("name")]);
  return results;
}

function findAll(sql: Sql, by: SecretRef["by"], asks: readonly SecretAsk[]): Promise<ArrayRow[]> {
  const workspaces = asks.map(({ workspaceId }) => workspaceId);
  const keys = asks.map(({ secret }) => (secret.by === "id" ? secret.secretId : pathOf(secret.name)));
  const regions = asks.map(({ secret }) => (secret.by === "id" ? "" : secret.region));
  return by === "id"
    ? sql.query({
        name: "find_secrets_by_ids",
        rowMode: "array",
        text: `select ${timedColumns}, a.ordinal::integer
          from unnest($1::text[], $2::text[]) with ordinality as a (workspace_id, secret_id, ordinal)
          join secret s on s.workspace_id = a.workspace_id and s.secret_id = a.secret_id`,
        values: [workspaces, keys],
      })
    : sql.query({
        name: "find_secrets_by_paths",
        rowMode: "array",
        text: `select ${timedColumns}, a.ordinal::integer
          from unnest($1::text[], $2::text[], $3::text[]) with ordinality as a (workspace_id, region, path, ordinal)
          join secret s on s.workspace_id = a.workspace_id and s.region = a.region and s.path = a.path and ${isActive}`,
        values: [workspaces, regions, keys],
      });
}
