// Reads and inserts keys and their wrapped material.
import { slugOf } from "../domain/key/kms-key.ts";
import { firstOrUndefined } from "./connection/single-row.ts";
import type { Sql, Tx } from "./database.ts";
import { type KmsKeyRow, kmsKeyProperties, kmsKeyTable, type StoredKmsKey } from "./rows/kms-key.ts";
import { type DriverRow, select } from "./rows/select.ts";
import { write } from "./rows/write.ts";

const stored = select(kmsKeyTable, kmsKeyProperties);

/** Finds a key by id, or by name or slug within a region. A destroyed key is not found by name. */
export async function findKmsKey(
  sql: Sql,
  workspaceId: string,
  ref: { kmsKeyId: string } | { region: string; name: string },
): Promise<StoredKmsKey | undefined> {
  const which =
    "kmsKeyId" in ref
      ? { name: "find_kms_key_by_id", text: "k.kms_key_id = $2", values: [ref.kmsKeyId] }
      : {
          name: "find_kms_key_by_slug",
          text: "k.region = $2 and replace(k.name, ' ', '-') = $3 and k.state <> 'DESTROYED'",
          values: [ref.region, slugOf(ref.name)],
        };
  const rows = await sql.query<DriverRow>({
    name: which.name,
    isLookup: true,
    text: `select ${stored.sql} from kms_key k where k.workspace_id = $1 and ${which.text}`,
    values: [workspaceId, ...which.values],
  });
  const row = firstOrUndefined(rows);
  return row && stored.read(row);
}

const settingProperties = [
  ...(["description", "labels", "annotations", "rotationPeriodDays", "imported", "rotationAllowed"] as const),
] as const;

export type KeySettings = Pick<KmsKeyRow, (typeof settingProperties)[number]>;

const defaultKeySettings: KeySettings = {
  description: "",
  labels: {},
  annotations: {},
  rotationPeriodDays: undefined,
  imported: false,
  rotationAllowed: true,
};

const newKeys = write(kmsKeyTable, [...kmsKeyProperties, ...settingProperties], {
  further: { next_rotate_time: "now() + make_interval(days => ?rotation_period_days)" },
});

/** Inserts a key unless its name or slug is taken in the region. Returns whether it did. */
export async function insertKmsKey(
  tx: Tx,
  key: StoredKmsKey,
  settings: KeySettings = defaultKeySettings,
): Promise<boolean> {
  const rows = await tx.query({
    name: "insert_kms_key",
    text: `${newKeys.insert()} on conflict do nothing returning kms_key_id`,
    values: newKeys.values({ ...key, ...settings }),
  });
  return rows.length === 1;
}

/** The material of one key version, wrapped by a root key. */
export interface WrappedKeyVersion {
  workspaceId: string;
  kmsKeyId: string;
  version: number;
  rootKeyId: string;
  wrappedKey: Uint8Array;
}

export async function insertKmsKeyVersion(tx: Tx, keyVersion: WrappedKeyVersion): Promise<void> {
  await tx.query({
    name: "insert_kms_key_version",
    text: `insert into kms_key_version (workspace_id, kms_key_id, version, root_key_id, wrapped_key)
      values ($1, $2, $3, $4, $5)`,
    values: [
      keyVersion.workspaceId,
      keyVersion.kmsKeyId,
      keyVersion.version,
      keyVersion.rootKeyId,
      keyVersion.wrappedKey,
    ],
  });
}

export async function findKmsKeyVersion(
  sql: Sql,
  workspaceId: string,
  kmsKeyId: string,
  version: number,
): Promise<WrappedKeyVersion | undefined> {
  const rows = await sql.query<{ root_key_id: string; wrapped_key: Uint8Array }>({
    name: "find_kms_key_version",
    isLookup: true,
    text: `select root_key_id, wrapped_key from kms_key_version
      where workspace_id = $1 and kms_key_id = $2 and version = $3`,
    values: [workspaceId, kmsKeyId, version],
  });
  const row = firstOrUndefined(rows);
  return row && { workspaceId, kmsKeyId, version, rootKeyId: row.root_key_id, wrappedKey: row.wrapped_key };
}

/** Returns key versions that other root keys wrap, after the given one in the order of their ids. */
export async function listForeignKeyVersions(
  sql: Sql,
  rootKeyId: string,
  after: Pick<WrappedKeyVersion, "workspaceId" | "kmsKeyId" | "version">,
  limit: number,
): Promise<(WrappedKeyVersion & { algorithm: string })[]> {
  const rows = await sql.query<{
    workspace_id: string;
    kms_key_id: string;
    version: number;
    root_key_id: string;
    wrapped_key: Uint8Array;
    algorithm: string;
  }>({
    name: "list_foreign_key_versions",
    text: `select v.workspace_id, v.kms_key_id, v.version, v.root_key_id, v.wrapped_key, k.algorithm
      from kms_key_version v join kms_key k on k.workspace_id = v.workspace_id and k.kms_key_id = v.kms_key_id
      where v.root_key_id <> $1 and (v.workspace_id, v.kms_key_id, v.version) > ($2, $3, $4)
      order by v.workspace_id, v.kms_key_id, v.version limit $5`,
    values: [rootKeyId, after.workspaceId, after.kmsKeyId, after.version, limit],
  });
  return rows.map((row) => ({
    workspaceId: row.workspace_id,
    kmsKeyId: row.kms_key_id,
    version: row.version,
    rootKeyId: row.root_key_id,
    wrappedKey: row.wrapped_key,
    algorithm: row.algorithm,
  }));
}

/** Replaces the old wrap with a new one, unless the old one was changed or destroyed meanwhile. */
export async function replaceKeyVersionWrap(
  sql: Sql,
  old: WrappedKeyVersion,
  { rootKeyId, wrappedKey }: Pick<WrappedKeyVersion, "rootKeyId" | "wrappedKey">,
): Promise<void> {
  await sql.query({
    name: "replace_key_version_wrap",
    text: `update kms_key_version set root_key_id = $4, wrapped_key = $5
      where workspace_id = $1 and kms_key_id = $2 and version = $3 and wrapped_key = $6`,
    values: [old.workspaceId, old.kmsKeyId, old.version, rootKeyId, wrappedKey, old.wrappedKey],
  });
}

/** Counts the keys that each root key wraps, by the root key's id. */
export async function countRootWraps(sql: Sql): Promise<ReadonlyMap<string, number>> {
  const rows = await sql.query<{ root_key_id: string; wraps: number }>({
    name: "count_root_wraps",
    text: `select root_key_id, count(*) as wraps from (
        select root_key_id from kms_key_version union all select root_key_id from import_wrapping_key
        union all select root_key_id from deployment
      ) w group by root_key_id order by root_key_id`,
    values: [],
  });
  return new Map(rows.map((row) => [row.root_key_id, row.wraps]));
}

/** Returns the ids of the root keys that wrap any key. */
export async function listRootKeyIds(sql: Sql): Promise<string[]> {
  const rows = await sql.query<{ root_key_id: string }>({
    name: "list_root_key_ids",
    text: `select root_key_id from kms_key_version union select root_key_id from import_wrapping_key
      order by root_key_id`,
    values: [],
  });
  return rows.map((row) => row.root_key_id);
}
