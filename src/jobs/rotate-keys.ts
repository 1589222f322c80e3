// Rotates keys whose rotation period has passed.

import { createPrimaryVersion, materialFor, slowAlgorithms, storePrimaryVersion } from "../steps/keys/new-version.ts";
import type { Tx } from "../store/database.ts";
import { findKeyToRotate, isKeyRotationDue, lockKeysToRotate, lockKeyToRotate } from "../store/due-keys.ts";
import { mayWait } from "../store/event-partitions.ts";
import { changeDueKeys } from "./due-keys.ts";
import type { Job, JobDeps } from "./job.ts";

const name = "RotateKeys";
const keysPerBatch = 20;
const origin = { job: name, rule: "rotation_period" };

export const rotateKeys: Job = {
  name,
  isDue: isKeyRotationDue,
  async runBatch(deps, tx) {
    const keys = await lockKeysToRotate(tx, keysPerBatch, slowAlgorithms);
    if (keys.length === 0) return rotateSlowKey(deps, tx);
    await changeDueKeys(deps, tx, origin, keys, async (key) => {
      const primaryVersion = key.primaryVersion + 1;
      await createPrimaryVersion(deps, tx, { ...key, primaryVersion });
      return { primaryVersion };
    });
    return keys.length;
  },
};

/** Rotates a key whose material takes seconds to make. The material is made before the key is locked. */
async function rotateSlowKey(deps: JobDeps, tx: Tx): Promise<number> {
  const found = await findKeyToRotate(tx, slowAlgorithms);
  if (!found) return 0;
  await mayWait(tx);
  using material = await materialFor(deps, found);
  const key = await lockKeyToRotate(tx, found);
  if (!key) return 0;
  await changeDueKeys(deps, tx, origin, [key], async () => {
    const primaryVersion = key.primaryVersion + 1;
    await storePrimaryVersion(deps, tx, { ...key, primaryVersion }, material);
    return { primaryVersion };
  });
  return 1;
}
