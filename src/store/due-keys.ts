// Finds and locks keys that are due for rotation or destruction, by the database's clock.
import type { KmsKey } from "../domain/key/kms-key.ts";
import { firstOrUndefined, only } from "./connection/single-row.ts";
import type { Sql, Tx } from "./database.ts";
import { keyColumns, type StoredKmsKeyRecord, toKeyRecord } from "./kms-key-records.ts";
import type { DriverRow } from "./rows/select.ts";

const isToRotate = "k.next_rotate_time <= now() and k.state = 'ACTIVE'";
const isToDestroy = "k.scheduled_destroy_time <= now()";

/** Returns whether any workspace has one. */
export async function isKeyRotationDue(sql: Sql): Promise<boolean> {
  const rows = await sql.query<{ due: boolean }>({
    name: "is_key_rotation_due",
    text: `select exists (select from kms_key k where ${isToRotate}) as due`,
    values: [],
  });
  return only(rows).due;
}

/** Locks at most `limit` keys that have none of the algorithms, the longest due first. Skips locked rows. */
export async function lockKeysToRotate(
  tx: Tx,
  limit: number,
  except: readonly string[],
): Promise<StoredKmsKeyRecord[]> {
  const rows = await tx.query<DriverRow>({
    name: "lock_keys_to_rotate",
    text: `select ${keyColumns} from kms_key k where ${isToRotate} and k.algorithm <> all ($2)
      order by k.next_rotate_time limit $1 for no key update skip locked`,
    values: [limit, except],
  });
  return rows.map(toKeyRecord);
}

/** Returns the key of these algorithms that has been due longest, without locking it. */
export async function findKeyToRotate(
  sql: Sql,
  algorithms: readonly string[],
): Promise<Pick<KmsKey, "workspaceId" | "kmsKeyId" | "algorithm"> | undefined> {
  const rows = await sql.query<{ workspace_id: string; kms_key_id: string; algorithm: string }>({
    name: "find_key_to_rotate",
    text: `select k.workspace_id, k.kms_key_id, k.algorithm from kms_key k
      where ${isToRotate} and k.algorithm = any ($1) order by k.next_rotate_time limit 1`,
    values: [algorithms],
  });
  const row = firstOrUndefined(rows);
  return row && { workspaceId: row.workspace_id, kmsKeyId: row.kms_key_id, algorithm: row.algorithm };
}

/** Locks the key if it is still due and not locked. */
export async function lockKeyToRotate(
  tx: Tx,
  { workspaceId, kmsKeyId }: Pick<KmsKey, "workspaceId" | "kmsKeyId">,
): Promise<StoredKmsKeyRecord | undefined> {
  const rows = await tx.query<DriverRow>({
    name: "lock_key_to_rotate",
    text: `select ${keyColumns} from kms_key k where k.workspace_id = $1 and k.kms_key_id = $2 and ${isToRotate}
      for no key update skip locked`,
    values: [workspaceId, kmsKeyId],
  });
  const row = firstOrUndefined(rows);
  return row && toKeyRecord(row);
}

/** Returns whether any workspace has one. */
export async function isKeyDestructionDue(sql: Sql): Promise<boolean> {
  const rows = await sql.query<{ due: boolean }>({
    name: "is_key_destruction_due",
    text: `select exists (select from kms_key k where ${isToDestroy}) as due`,
    values: [],
  });
  return only(rows).due;
}

/** Locks at most `limit` of them, the longest due first. Skips locked rows. */
export async function lockKeysToDestroy(tx: Tx, limit: number): Promise<StoredKmsKeyRecord[]> {
  const rows = await tx.query<DriverRow>({
    name: "lock_keys_to_destroy",
    text: `select ${keyColumns} from kms_key k where ${isToDestroy}
      order by k.scheduled_destroy_time limit $1 for no key update skip locked`,
    values: [limit],
  });
  return rows.map(toKeyRecord);
}

/** Postpones the due work of a key by a day, so that a key that always fails does not block the others. */
export async function postponeKey(tx: Tx, key: Pick<KmsKey, "workspaceId" | "kmsKeyId">): Promise<void> {
  await tx.query({
    name: "postpone_key",
    text: `update kms_key k set
        next_rotate_time = case when ${isToRotate} then now() + interval '1 day' else k.next_rotate_time end,
        scheduled_destroy_time = case when ${isToDestroy} then now() + interval '1 day' else k.scheduled_destroy_time end
      where k.workspace_id = $1 and k.kms_key_id = $2`,
    values: [key.workspaceId, key.kmsKeyId],
  });
}

/** The channel that announces the ids of keys whose material was deleted. */
export const keyDestroyedChannel = "coffer_key_destroyed";

/** Deletes the material of all versions. The commit notifies every instance. */
export async function deleteKeyMaterial(
  tx: Tx,
  { workspaceId, kmsKeyId }: Pick<KmsKey, "workspaceId" | "kmsKeyId">,
): Promise<void> {
  await tx.query({
    name: "delete_key_material",
    text: "delete from kms_key_version where workspace_id = $1 and kms_key_id = $2",
    values: [workspaceId, kmsKeyId],
  });
  await tx.query({
    name: "notify_key_destroyed",
    text: "select pg_notify($1, $2)",
    values: [keyDestroyedChannel, kmsKeyId],
  });
}
