// Rotates keys whose rotation period has passed.
import { createPrimaryVersion } from "../operations/keys/new-version.ts";
import { isKeyRotationDue, lockKeysToRotate } from "../store/due-keys.ts";
import { changeDueKeys } from "./due-keys.ts";
import type { Job } from "./job.ts";

const name = "RotateKeys";
const keysPerBatch = 20;

export const rotateKeys: Job = {
  name,
  isDue: isKeyRotationDue,
  async runBatch(deps, tx) {
    const keys = await lockKeysToRotate(tx, keysPerBatch);
    await changeDueKeys(deps, tx, { job: name, rule: "rotation_period" }, keys, async (key) => {
      const primaryVersion = key.primaryVersion + 1;
      await createPrimaryVersion(deps, tx, { ...key, primaryVersion });
      return { primaryVersion };
    });
    return keys.length;
  },
};
