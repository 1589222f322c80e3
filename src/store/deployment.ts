// Reads and writes the one row that names the deployment of this database.

import { firstOrUndefined } from "./connection/single-row.ts";
import type { Sql } from "./database.ts";

export interface DeploymentRecord {
  deploymentId: string;
  rootKeyId: string;
  /** The deployment key, wrapped by that root key: opening it proves that the root key is the right one. */
  wrappedKey: Uint8Array;
}

/** Undefined in a new database, with or without its schema. */
export async function findDeployment(sql: Sql): Promise<DeploymentRecord | undefined> {
  const [table] = await sql.query<{ found: string | null }>({
    name: "find_deployment_table",
    text: "select to_regclass('deployment') as found",
    values: [],
  });
  if (!table?.found) return undefined;
  const rows = await sql.query<{ deployment_id: string; root_key_id: string; wrapped_key: Uint8Array }>({
    name: "find_deployment",
    text: "select deployment_id, root_key_id, wrapped_key from deployment",
    values: [],
  });
  const row = firstOrUndefined(rows);
  return row && { deploymentId: row.deployment_id, rootKeyId: row.root_key_id, wrappedKey: row.wrapped_key };
}

/** Replaces the old wrap with a new one, unless the old one was changed meanwhile. */
export async function replaceDeploymentWrap(
  sql: Sql,
  old: DeploymentRecord,
  { rootKeyId, wrappedKey }: Pick<DeploymentRecord, "rootKeyId" | "wrappedKey">,
): Promise<void> {
  await sql.query({
    name: "replace_deployment_wrap",
    text: "update deployment set root_key_id = $1, wrapped_key = $2 where wrapped_key = $3",
    values: [rootKeyId, wrappedKey, old.wrappedKey],
  });
}

/** Inserts the row unless there is one already. */
export async function insertDeployment(sql: Sql, record: DeploymentRecord): Promise<void> {
  await sql.query({
    name: "insert_deployment",
    text: `insert into deployment (deployment_id, root_key_id, wrapped_key) values ($1, $2, $3) on conflict do nothing`,
    values: [record.deploymentId, record.rootKeyId, record.wrappedKey],
  });
}
