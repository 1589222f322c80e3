// Keys that are due, by the database's clock: to be rotated, or to be destroyed.
import type { KmsKey } from "../domain/key/kms-key.ts";
import { firstOrUndefined, only } from "./connection/single-row.ts";
import type { Sql, Tx } from "./database.ts";
import { keyColumns, type StoredKmsKeyRecord, toKeyRecord } from "./kms-key-records.ts";
import type { DriverRow } from "./rows/select.ts";

const isToRotate = "k.next_rotate_time <= now() and k.state = 'ACTIVE'";
const isToDestroy = "k.scheduled_destroy_time <= now()";

/** Looks in every workspace. */
export async function isKeyRotationDue(sql: Sql): Promise<boolean> {
  const rows = await sql.query<{ due: boolean }>({
    name: "is_key_rotation_due",
    text: `select exists (select from kms_key k where ${isToRotate}) as due`,
    values: [],
  });
  return only(rows).due;
}

/** At most `limit` of other algorithms, the longest due first; what another transaction holds is left for later. */
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

/** The one of these algorithms that has been due longest; it is not locked. */
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

/** The key, if it is still due and nobody holds it. */
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

/** Looks in every workspace. */
export async function isKeyDestructionDue(sql: Sql): Promise<boolean> {
  const rows = await sql.query<{ due: boolean }>({
    name: "is_key_destruction_due",
    text: `select exists (select from kms_key k where ${isToDestroy}) as due`,
    values: [],
  });
  return only(rows).due;
}

/** At most `limit` of them, the longest due first; what another transaction holds is left for later. */
export async function lockKeysToDestroy(tx: Tx, limit: number): Promise<StoredKmsKeyRecord[]> {
  const rows = await tx.query<DriverRow>({
    name: "lock_keys_to_destroy",
    text: `select ${keyColumns} from kms_key k where ${isToDestroy}
      order by k.scheduled_destroy_time limit $1 for no key update skip locked`,
    values: [limit],
  });
  return rows.map(toKeyRecord);
}

/** Puts what is due off by a day, so that a key that cannot be worked on stands in nobody's way. */
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

/** Where every instance hears, by their ids, of keys whose material is gone. */
export const keyDestroyedChannel = "coffer_key_destroyed";

/** Deletes the material of all versions, and tells every instance when the transaction commits. */
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
