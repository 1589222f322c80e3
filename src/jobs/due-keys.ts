// The common part of jobs on keys. Keys that do not authenticate are reported and postponed.
import type { KmsKey } from "../domain/key/kms-key.ts";
import { coveredOfKmsKey, isAuthentic, macOf } from "../integrity/row-macs.ts";
import { wrapsSecrets } from "../runtime/key-material.ts";
import type { Tx } from "../store/database.ts";
import { postponeKey } from "../store/due-keys.ts";
import { type StoredKmsKeyRecord, updateKeyRecord } from "../store/kms-key-records.ts";
import type { JobDeps } from "./job.ts";
import { recordSystemEvents } from "./system-events.ts";

/** Changes each locked key, with a new MAC and an audit event. */
export async function changeDueKeys(
  deps: JobDeps,
  tx: Tx,
  { job, rule }: { job: string; rule: string },
  keys: readonly StoredKmsKeyRecord[],
  change: (key: StoredKmsKeyRecord) => Promise<Partial<Pick<KmsKey, "state" | "primaryVersion">>>,
): Promise<void> {
  const { deploymentKeys } = deps;
  const sound = keys.filter((key) => isAuthentic(deploymentKeys, coveredOfKmsKey(key), key.mac));
  const tampered = keys.filter((key) => !sound.includes(key));
  for (const key of sound) {
    const next = { ...key, ...(await change(key)) };
    const options = { destroyAfterMs: undefined, wrapsSecrets: wrapsSecrets(key) };
    await updateKeyRecord(tx, { ...next, mac: macOf(deploymentKeys, coveredOfKmsKey(next)) }, options);
  }
  // A new MAC would make a row valid that somebody has changed with SQL.
  for (const key of tampered) await postponeKey(tx, key);
  await recordSystemEvents(deps, tx, { job, rule }, sound.map(subjectOf));
  await recordSystemEvents(deps, tx, { job, rule, result: "VALUE_CORRUPT" }, tampered.map(subjectOf));
}

function subjectOf({ workspaceId, kmsKeyId }: Pick<KmsKey, "workspaceId" | "kmsKeyId">) {
  return { workspaceId, resourceType: "kms_key" as const, resourceId: kmsKeyId };
}
