// The private keys that unwrap imported key material: one of each workspace and region, wrapped by a root key.

import { firstOrUndefined } from "./connection/single-row.ts";
import type { Sql } from "./database.ts";

export interface StoredImportKey {
  workspaceId: string;
  region: string;
  rootKeyId: string;
  wrappedKey: Uint8Array;
}

interface Row {
  workspace_id: string;
  region: string;
  root_key_id: string;
  wrapped_key: Uint8Array;
}

export async function findImportKey(
  sql: Sql,
  workspaceId: string,
  region: string,
): Promise<StoredImportKey | undefined> {
  const rows = await sql.query<Row>({
    name: "find_import_wrapping_key",
    isLookup: true,
    text: `select workspace_id, region, root_key_id, wrapped_key from import_wrapping_key
      where workspace_id = $1 and region = $2`,
    values: [workspaceId, region],
  });
  const row = firstOrUndefined(rows);
  return row && toImportKey(row);
}

/** Inserts the key unless there is one already: the first stays. */
export async function insertImportKey(sql: Sql, key: StoredImportKey): Promise<void> {
  await sql.query({
    name: "insert_import_wrapping_key",
    text: `insert into import_wrapping_key (workspace_id, region, root_key_id, wrapped_key) values ($1, $2, $3, $4)
      on conflict do nothing`,
    values: [key.workspaceId, key.region, key.rootKeyId, key.wrappedKey],
  });
}

/** Returns keys that other root keys wrap, after the given one in the order of the primary key. */
export async function listForeignImportKeys(
  sql: Sql,
  rootKeyId: string,
  after: Pick<StoredImportKey, "workspaceId" | "region">,
  limit: number,
): Promise<StoredImportKey[]> {
  const rows = await sql.query<Row>({
    name: "list_foreign_import_wrapping_keys",
    text: `select workspace_id, region, root_key_id, wrapped_key from import_wrapping_key
      where root_key_id <> $1 and (workspace_id, region) > ($2, $3) order by workspace_id, region limit $4`,
    values: [rootKeyId, after.workspaceId, after.region, limit],
  });
  return rows.map(toImportKey);
}

/** Replaces the old wrap with a new one, unless the old one was changed meanwhile. */
export async function replaceImportKeyWrap(
  sql: Sql,
  old: StoredImportKey,
  { rootKeyId, wrappedKey }: Pick<StoredImportKey, "rootKeyId" | "wrappedKey">,
): Promise<void> {
  await sql.query({
    name: "replace_import_wrapping_key_wrap",
    text: `update import_wrapping_key set root_key_id = $3, wrapped_key = $4
      where workspace_id = $1 and region = $2 and wrapped_key = $5`,
    values: [old.workspaceId, old.region, rootKeyId, wrappedKey, old.wrappedKey],
  });
}

function toImportKey(row: Row): StoredImportKey {
  return {
    workspaceId: row.workspace_id,
    region: row.region,
    rootKeyId: row.root_key_id,
    wrappedKey: row.wrapped_key,
  };
}
