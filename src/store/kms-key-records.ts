// Finds, locks, lists and changes keys with all of their settings.
import type { KmsKeyRecord, KmsKeyState } from "../domain/key/kms-key.ts";
import { clock } from "./clock.ts";
import { firstOrUndefined, only } from "./connection/single-row.ts";
import type { Sql, Tx } from "./database.ts";
import { kmsKeyTable } from "./rows/kms-key.ts";
import { type DriverRow, select } from "./rows/select.ts";
import { propertiesBut } from "./rows/table.ts";

/** A key with its MAC. */
export interface StoredKmsKeyRecord extends KmsKeyRecord {
  mac: Uint8Array;
}

const versionsShownMax = 100;
const newestVersions = (column: string) => `array(select v.${column} from kms_key_version v
    where v.workspace_id = k.workspace_id and v.kms_key_id = k.kms_key_id order by v.version desc limit ${versionsShownMax})`;

const stored = select(kmsKeyTable, propertiesBut(kmsKeyTable));

/** The columns of `kms_key k` that make a StoredKmsKeyRecord. */
export const keyColumns = `${stored.sql}, k.rewrap_after is not null as is_rewrap_pending,
  ${newestVersions("version")} as version_numbers, ${newestVersions("create_time")} as version_times`;

export function toKeyRecord(row: DriverRow): StoredKmsKeyRecord {
  const numbers = row["version_numbers"] as number[];
  const times = row["version_times"] as Date[];
  return {
    ...stored.read(row),
    versions: numbers.map((version, index) => ({ version, createTime: times[index] as Date })).reverse(),
    isRewrapPending: row["is_rewrap_pending"] as boolean,
  };
}

export async function findKeyRecord(
  sql: Sql,
  workspaceId: string,
  kmsKeyId: string,
): Promise<StoredKmsKeyRecord | undefined> {
  const rows = await sql.query<DriverRow>({
    name: "find_key_record",
    text: `select ${keyColumns} from kms_key k where k.workspace_id = $1 and k.kms_key_id = $2`,
    values: [workspaceId, kmsKeyId],
  });
  const row = firstOrUndefined(rows);
  return row && toKeyRecord(row);
}

const summary = select(kmsKeyTable, ["kmsKeyId", "name", "algorithm", "state", "createTime", "updateTime"]);

/** The properties of a key that are shown beside a secret. */
export type KeySummary = ReturnType<typeof summary.read>;

export async function findKeySummaries(
  sql: Sql,
  workspaceId: string,
  kmsKeyIds: readonly string[],
): Promise<KeySummary[]> {
  const rows = await sql.query<DriverRow>({
    name: "find_key_summaries",
    isLookup: true,
    text: `select ${summary.sql} from kms_key k where k.workspace_id = $1 and k.kms_key_id = any ($2)`,
    values: [workspaceId, kmsKeyIds],
  });
  return rows.map(summary.read);
}

/** Locks the row until the transaction ends. */
export async function lockKeyRecord(
  tx: Tx,
  workspaceId: string,
  kmsKeyId: string,
): Promise<StoredKmsKeyRecord | undefined> {
  const rows = await tx.query<DriverRow>({
    name: "lock_key_record",
    text: `select ${keyColumns} from kms_key k where k.workspace_id = $1 and k.kms_key_id = $2 for no key update`,
    values: [workspaceId, kmsKeyId],
  });
  const row = firstOrUndefined(rows);
  return row && toKeyRecord(row);
}

/** Conditions on the listed keys; null: no condition. */
export interface KeyFilter {
  region: string | null;
  states: readonly KmsKeyState[];
  name: string | null;
  slug: string | null;
  kmsKeyId: string | null;
  /** A key must have all of these. */
  labels: Record<string, string>;
}

/** Returns the next `limit` keys after the id `afterId`, by id. */
export async function listKeyRecords(
  sql: Sql,
  workspaceId: string,
  query: KeyFilter & { afterId: string; limit: number },
): Promise<StoredKmsKeyRecord[]> {
  const rows = await sql.query<DriverRow>({
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
 * Writes the mutable columns of a key and its times by the database's clock, and increments the revision. A key that becomes
 * PENDING_DESTRUCTION is destroyed `destroyAfterMs` from now. After a rotation, a job rewraps the versions of a key that `wrapsSecrets`.
 */
export async function updateKeyRecord(
  tx: Tx,
  key: Omit<StoredKmsKeyRecord, "revision">,
  { destroyAfterMs, wrapsSecrets }: { destroyAfterMs: number | undefined; wrapsSecrets: boolean },
): Promise<StoredKmsKeyRecord> {
  const rows = await tx.query<DriverRow>({
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
