// What the jobs on keys have in common: each key is worked on if it is as coffer wrote it, and otherwise reported and put off.
import type { KmsKey } from "../domain/key/kms-key.ts";
import { coveredOfKmsKey, isAuthentic, macOf } from "../integrity/row-macs.ts";
import { wrapsSecrets } from "../runtime/key-material.ts";
import type { Tx } from "../store/database.ts";
import { postponeKey } from "../store/due-keys.ts";
import { type StoredKmsKeyRecord, updateKeyRecord } from "../store/kms-key-records.ts";
import type { JobDeps } from "./job.ts";
import { recordSystemEvents } from "./system-events.ts";

/** Makes the change of each key, which is locked, under a new MAC, with an event. */
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
  // A new MAC would vouch for what somebody has changed behind coffer's back.
  for (const key of tampered) await postponeKey(tx, key);
  await recordSystemEvents(deps, tx, { job, rule }, sound.map(subjectOf));
  await recordSystemEvents(deps, tx, { job, rule, result: "VALUE_CORRUPT" }, tampered.map(subjectOf));
}

function subjectOf({ workspaceId, kmsKeyId }: Pick<KmsKey, "workspaceId" | "kmsKeyId">) {
  return { workspaceId, resourceType: "kms_key" as const, resourceId: kmsKeyId };
}
