// Moves the versions of secrets, the credentials of vault connections and the variables of sandboxes to the newest version of their key
// after a rotation: a part of a workspace at a time.

import { coveredOfKmsKey, isAuthentic } from "../integrity/row-macs.ts";
import { rewrapVersions as makeEnvelopes } from "../operations/keys/rewrap-versions.ts";
import type { Tx } from "../store/database.ts";
import {
  isRewrapDue,
  type KeyToRewrap,
  lockKeyToRewrap,
  lockVersionsToRewrap,
  replaceEnvelopes,
  type VersionPosition,
  walkVersions,
} from "../store/rewrap.ts";
import {
  countConnectionsToRewrap,
  lockConnectionsToRewrap,
  replaceConnectionEnvelopes,
} from "../store/rewrap-connections.ts";
import { continueRewrap, endRewrapPass } from "../store/rewrap-progress.ts";
import { countSandboxesToRewrap, lockSandboxesToRewrap, replaceSandboxEnvelopes } from "../store/rewrap-sandboxes.ts";
import type { Job, JobDeps } from "./job.ts";
import { recordSystemEvents } from "./system-events.ts";

const name = "RewrapSecretVersions";
const versionsPerBatch = 200;
// A lock ends soon. A row that does not authenticate rarely becomes valid again.
const retryLockedMs = 60_000;
const retryCorruptMs = 3_600_000;

/** The sealed columns besides those of secret versions. */
const otherSealed = [
  {
    lock: lockConnectionsToRewrap,
    replace: replaceConnectionEnvelopes,
    count: countConnectionsToRewrap,
    resourceType: "vault_connection",
  },
  {
    lock: lockSandboxesToRewrap,
    replace: replaceSandboxEnvelopes,
    count: countSandboxesToRewrap,
    resourceType: "sandbox",
  },
] as const;

export const rewrapVersions: Job = {
  name,
  isDue: isRewrapDue,
  async runBatch(deps, tx) {
    const key = await lockKeyToRewrap(tx);
    if (!key) return 0;
    if (!isAuthentic(deps.deploymentKeys, coveredOfKmsKey(key), key.mac)) {
      await record(deps, tx, key, "VALUE_CORRUPT");
      await endRewrapPass(tx, key, retryCorruptMs);
      return 1;
    }
    const { walked, left, last } = await walkVersions(tx, key, versionsPerBatch);
    const retryMs = left > 0 && last ? await moveVersions(deps, tx, key, last, left) : undefined;
    if (last && walked === versionsPerBatch) {
      await continueRewrap(tx, key, last, retryMs);
      return walked;
    }
    // After the last version. The others are few.
    let retryLaterMs = retryMs;
    for (const others of otherSealed) {
      retryLaterMs = Math.max(retryLaterMs ?? 0, (await moveOthers(deps, tx, key, others)) ?? 0) || undefined;
    }
    if (await endRewrapPass(tx, key, retryLaterMs)) await record(deps, tx, key, "OK");
    return Math.max(1, walked);
  },
};

/** Returns when to try the skipped rows again; undefined when none was skipped. */
async function moveVersions(
  deps: JobDeps,
  tx: Tx,
  key: KeyToRewrap,
  last: VersionPosition,
  left: number,
): Promise<number | undefined> {
  const versions = await lockVersionsToRewrap(tx, key, last);
  const { rewrapped, corrupt } = await makeEnvelopes(deps, tx, key, versions);
  const replaced = rewrapped.length > 0 ? await replaceEnvelopes(tx, key, rewrapped) : 0;
  const subjects = corrupt.map(({ secretId, versionNumber }) => ({
    workspaceId: key.workspaceId,
    resourceType: "secret" as const,
    resourceId: secretId,
    versionNumber,
  }));
  await recordSystemEvents(deps, tx, { job: name, rule: "rotate_time", result: "VALUE_CORRUPT" }, subjects);
  if (corrupt.length > 0) return retryCorruptMs;
  return replaced < left ? retryLockedMs : undefined;
}

/** As `moveVersions` does for versions. */
async function moveOthers(
  deps: JobDeps,
  tx: Tx,
  key: KeyToRewrap,
  { lock, replace, count, resourceType }: (typeof otherSealed)[number],
): Promise<number | undefined> {
  const { rewrapped, corrupt } = await makeEnvelopes(deps, tx, key, await lock(tx, key));
  await replace(tx, key, rewrapped);
  const { workspaceId } = key;
  const subjects = corrupt.map(({ secretId: resourceId }) => ({ workspaceId, resourceType, resourceId }));
  await recordSystemEvents(deps, tx, { job: name, rule: "rotate_time", result: "VALUE_CORRUPT" }, subjects);
  if (corrupt.length > 0) return retryCorruptMs;
  return (await count(tx, key)) > 0 ? retryLockedMs : undefined;
}

async function record(deps: JobDeps, tx: Tx, { workspaceId, kmsKeyId }: KeyToRewrap, result: string): Promise<void> {
  const subject = { workspaceId, resourceType: "kms_key" as const, resourceId: kmsKeyId };
  await recordSystemEvents(deps, tx, { job: name, rule: "rotate_time", result }, [subject]);
}
