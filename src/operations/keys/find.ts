// Finding keys, where not finding one is an error.
import { type KmsKeyRecord, keyNotFound } from "../../domain/kms-key.ts";
import type { Sql } from "../../store/database.ts";
import { findKeyRecord } from "../../store/kms-key-records.ts";

export async function findKeyOrFail(sql: Sql, workspaceId: string, kmsKeyId: string): Promise<KmsKeyRecord> {
  const key = await findKeyRecord(sql, workspaceId, kmsKeyId);
  if (!key) throw keyNotFound(kmsKeyId);
  return key;
}
