// Keys as their managers see them: found, locked, listed and changed.
import type { KmsKeyRecord, KmsKeyState } from "../domain/key/kms-key.ts";
import { firstOrUndefined, only } from "./connection/single-row.ts";
import type { Sql, Tx } from "./database.ts";
import { clock } from "./rows.ts";

/** A record as stored; its mac covers what decides whether the key may be used. */
export interface StoredKmsKeyRecord extends KmsKeyRecord {
  mac: Uint8Array;
}

const versionsShownMax = 100;
const newestVersions = (column: string) => `array(select v.${column} from kms_key_version v
    where v.workspace_id = k.workspace_id and v.kms_key_id = k.kms_key_id order by v.version desc limit ${versionsShownMax})`;

/** The columns of `kms_key k` that make a StoredKmsKeyRecord. */
export const keyColumns = `
  k.workspace_id, k.kms_key_id, k.region, k.name, k.algorithm, k.state, k.primary_version, k.export_allowed, k.mac,
  k.description, k.labels, k.annotations, k.imported, k.rotation_allowed, k.revision,
  k.create_time, k.update_time, k.rotate_time, k.rotation_period_days, k.next_rotate_time, k.scheduled_destroy_time,
  k.destroy_time, k.rewrap_after is not null as is_rewrap_pending,
  ${newestVersions("version")} as version_numbers, ${newestVersions("create_time")} as version_times`;

export interface KeyRow {
  workspace_id: string;
  kms_key_id: string;
  region: string;
  name: string;
  algorithm: string;
  state: KmsKeyState;
  primary_version: number;
  export_allowed: boolean;
  mac: Uint8Array;
  description: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  imported: boolean;
  rotation_allowed: boolean;
  revision: number;
  create_time: Date;
  update_time: Date;
  rotate_time: Date | null;
  rotation_period_days: number | null;
  next_rotate_time: Date | null;
  scheduled_destroy_time: Date | null;
  destroy_time: Date | null;
  is_rewrap_pending: boolean;
  /** Newest first. */
  version_numbers: number[];
  version_times: Date[];
}

export function toKeyRecord(row: KeyRow): StoredKmsKeyRecord {
  return {
    workspaceId: row.workspace_id,
    kmsKeyId: row.kms_key_id,
    region: row.region,
    name: row.name,
    algorithm: row.algorithm,
    state: row.state,
    primaryVersion: row.primary_version,
    exportAllowed: row.export_allowed,
    mac: row.mac,
    description: row.description,
    labels: row.labels,
    annotations: row.annotations,
    imported: row.imported,
    rotationAllowed: row.rotation_allowed,
    versions: row.version_numbers
      .map((version, index) => ({ version, createTime: row.version_times[index] as Date }))
      .reverse(),
    revision: row.revision,
    createTime: row.create_time,
    updateTime: row.update_time,
    rotateTime: row.rotate_time ?? undefined,
    rotationPeriodDays: row.rotation_period_days ?? undefined,
    nextRotateTime: row.next_rotate_time ?? undefined,
    scheduledDestroyTime: row.scheduled_destroy_time ?? undefined,
    destroyTime: row.destroy_time ?? undefined,
    isRewrapPending: row.is_rewrap_pending,
  };
}

export async function findKeyRecord(
  sql: Sql,
  workspaceId: string,
  kmsKeyId: string,
): Promise<StoredKmsKeyRecord | undefined> {
  const rows = await sql.query<KeyRow>({
    name: "find_key_record",
    text: `select ${keyColumns} from kms_key k where k.workspace_id = $1 and k.kms_key_id = $2`,
    values: [workspaceId, kmsKeyId],
  });
  const row = firstOrUndefined(rows);
  return row && toKeyRecord(row);
}

/** What is shown of a key beside a secret. */
export type KeySummary = Pick<KmsKeyRecord, "kmsKeyId" | "name" | "algorithm" | "state" | "createTime" | "updateTime">;

export async function findKeySummaries(
  sql: Sql,
  workspaceId: string,
  kmsKeyIds: readonly string[],
): Promise<KeySummary[]> {
  const rows = await sql.query<
    Pick<KeyRow, "kms_key_id" | "name" | "algorithm" | "state" | "create_time" | "update_time">
  >({
    name: "find_key_summaries",
    isLookup: true,
    text: `select k.kms_key_id, k.name, k.algorithm, k.state, k.create_time, k.update_time
      from kms_key k where k.workspace_id = $1 and k.kms_key_id = any ($2)`,
    values: [workspaceId, kmsKeyIds],
  });
  return rows.map((row) => ({
    kmsKeyId: row.kms_key_id,
    name: row.name,
    algorithm: row.algorithm,
    state: row.state,
    createTime: row.create_time,
    updateTime: row.update_time,
  }));
}

/** Holds the row until the transaction ends. */
export async function lockKeyRecord(
  tx: Tx,
  workspaceId: string,
  kmsKeyId: string,
): Promise<StoredKmsKeyRecord | undefined> {
  const rows = await tx.query<KeyRow>({
    name: "lock_key_record",
    text: `select ${keyColumns} from kms_key k where k.workspace_id = $1 and k.kms_key_id = $2 for no key update`,
    values: [workspaceId, kmsKeyId],
  });
  const row = firstOrUndefined(rows);
  return row && toKeyRecord(row);
}

/** Which keys are listed; null: whatever it is. */
export interface KeyFilter {
  region: string | null;
  states: readonly KmsKeyState[];
  name: string | null;
  slug: string | null;
  kmsKeyId: string | null;
  /** All of these. */
  labels: Record<string, string>;
}

/** The next `limit` keys after the id `afterId`, by id. */
export async function listKeyRecords(
  sql: Sql,
  workspaceId: string,
  query: KeyFilter & { afterId: string; limit: number },
): Promise<StoredKmsKeyRecord[]> {
  const rows = await sql.query<KeyRow>({
    name: "list_key_records",
    text: `select ${keyColumns} from kms_key k
      where k.workspace_id = $1 and ($2::text is null or k.region = $2) and k.state = any ($3)
        and k.kms_key_id collate "C" > $4 and ($6::text is null or k.name = $6)
        and ($7::text is null or replace(k.name, ' ', '-') = $7) and ($8::text is null or k.kms_key_id = $8)
        and k.labels @> $9::jsonb
      order by k.kms_key_id collate "C" limit $5`,
    values: [
      ...[workspaceId, query.region, query.states, query.afterId, query.limit, query.name],
      ...[query.slug, query.kmsKeyId, JSON.stringify(query.labels)],
    ],
  });
  return rows.map(toKeyRecord);
}

/**
 * Writes what may change of a key and counts the change; its times follow, by the database's clock. A key that becomes
 * PENDING_DESTRUCTION is destroyed `destroyAfterMs` from now. After a rotation, a job moves what a key wraps, if it `wrapsSecrets`.
 */
export async function updateKeyRecord(
  tx: Tx,
  key: Omit<StoredKmsKeyRecord, "revision">,
  { destroyAfterMs, wrapsSecrets }: { destroyAfterMs: number | undefined; wrapsSecrets: boolean },
): Promise<StoredKmsKeyRecord> {
  const rows = await tx.query<KeyRow>({
    name: "update_key_record",
    text: `update kms_key k set
        name = $3, labels = $4, description = $10, annotations = $11, state = $5, primary_version = $6, mac = $7, rotation_period_days = $8,
        rotate_time = case when k.primary_version < $6 then t.at else k.rotate_time end,
        next_rotate_time = case when $5 <> 'DESTROYED' then make_interval(days => $8)
          + case when k.primary_version < $6 then t.at else coalesce(k.rotate_time, k.create_time) end end,
        scheduled_destroy_time = case when $5 = 'PENDING_DESTRUCTION' then
          coalesce(k.scheduled_destroy_time, t.at + make_interval(secs => $9::float8 / 1000)) end,
        destroy_time = case when $5 = 'DESTROYED' then t.at end,
        rewrap_after = case
          when $5 = 'DESTROYED' then null when k.primary_version < $6 and $12 then t.at else k.rewrap_after end,
        rewrap_pass_time = case when k.primary_version = $6 then k.rewrap_pass_time end,
        rewrap_secret_id = case when k.primary_version = $6 then k.rewrap_secret_id end,
        rewrap_version_number = case when k.primary_version = $6 then k.rewrap_version_number end,
        rewrap_retry_ms = case when k.primary_version = $6 then k.rewrap_retry_ms end,
        revision = k.revision + 1, update_time = t.at
      from ${clock} where k.workspace_id = $1 and k.kms_key_id = $2
      returning ${keyColumns}`,
    values: [
      key.workspaceId,
      key.kmsKeyId,
      key.name,
      JSON.stringify(key.labels),
      key.state,
      key.primaryVersion,
      key.mac,
      key.rotationPeriodDays ?? null,
      destroyAfterMs ?? null,
      key.description,
      JSON.stringify(key.annotations),
      wrapsSecrets,
    ],
  });
  return toKeyRecord(only(rows));
}
