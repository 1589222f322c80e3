// Finds keys. A missing one is an error.
import { keyNotFound } from "../../domain/key/kms-key.ts";
import type { Sql } from "../../store/database.ts";
import { findKeyRecord, type StoredKmsKeyRecord } from "../../store/kms-key-records.ts";

export async function findKeyOrFail(sql: Sql, workspaceId: string, kmsKeyId: string): Promise<StoredKmsKeyRecord> {
  const key = await findKeyRecord(sql, workspaceId, kmsKeyId);
  if (!key) throw keyNotFound(kmsKeyId);
  return key;
}
