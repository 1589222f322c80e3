// Stores the progress and the end of a pass of the rewrap job.
import type { KmsKey } from "../domain/key/kms-key.ts";
import { only } from "./connection/single-row.ts";
import type { Tx } from "./database.ts";
import type { VersionPosition } from "./rewrap.ts";

type KeyName = Pick<KmsKey, "workspaceId" | "kmsKeyId">;

/** Stores that the pass has reached `last`. With `retryMs` it skipped rows, and another pass begins that much later. */
export async function continueRewrap(
  tx: Tx,
  { workspaceId, kmsKeyId }: KeyName,
  last: VersionPosition,
  retryMs: number | undefined,
): Promise<void> {
  await tx.query({
    name: "continue_rewrap",
    text: `update kms_key k set rewrap_secret_id = $3, rewrap_version_number = $4,
        rewrap_pass_time = coalesce(k.rewrap_pass_time, now()), rewrap_retry_ms = greatest(k.rewrap_retry_ms, $5)
      where k.workspace_id = $1 and k.kms_key_id = $2`,
    values: [workspaceId, kmsKeyId, last.secretId, last.versionNumber, retryMs ?? null],
  });
}

/**
 * The pass has come to the end; says whether it was the last. One that began within a minute of the rotation is not: calls that
 * had found the key before it may not have been over.
 */
export async function endRewrapPass(
  tx: Tx,
  { workspaceId, kmsKeyId }: KeyName,
  retryMs: number | undefined,
): Promise<boolean> {
  const rows = await tx.query<{ done: boolean }>({
    name: "end_rewrap_pass",
    text: `update kms_key k set
        rewrap_after = case
          when greatest(k.rewrap_retry_ms, $3) is not null
            then now() + make_interval(secs => greatest(k.rewrap_retry_ms, $3)::float8 / 1000)
          when coalesce(k.rewrap_pass_time, now()) < k.rotate_time + interval '1 minute'
            then k.rotate_time + interval '1 minute' end,
        rewrap_secret_id = null, rewrap_version_number = null, rewrap_pass_time = null, rewrap_retry_ms = null
      where k.workspace_id = $1 and k.kms_key_id = $2
      returning k.rewrap_after is null as done`,
    values: [workspaceId, kmsKeyId, retryMs ?? null],
  });
  return only(rows).done;
}
