// The summary of a secret's key, for every caller who may see the secret.

import type { KmsKeyRecord } from "../../domain/key/kms-key.ts";
import type { Secret } from "../../domain/secret/secret.ts";
import type { Deps } from "../../runtime/deps.ts";
import { findKeySummaries } from "../../store/kms-key-records.ts";

export type SecretKeySummary = Pick<
  KmsKeyRecord,
  "kmsKeyId" | "name" | "algorithm" | "state" | "createTime" | "updateTime"
>;

/** Returns summaries by key id. The secrets are of one workspace, and the caller may see them. */
export async function keysOfSecrets(
  { database }: Pick<Deps, "database">,
  secrets: readonly Pick<Secret, "workspaceId" | "kmsKeyId">[],
): Promise<ReadonlyMap<string, SecretKeySummary>> {
  const [first] = secrets;
  if (!first) return new Map();
  const ids = [...new Set(secrets.map(({ kmsKeyId }) => kmsKeyId))];
  const keys = await findKeySummaries(database, first.workspaceId, ids);
  return new Map(keys.map((key) => [key.kmsKeyId, key]));
}
