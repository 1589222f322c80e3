// Destroys keys at their scheduled_destroy_time: their material is deleted, and no instance keeps it in memory.
import { deleteKeyMaterial, isKeyDestructionDue, lockKeysToDestroy } from "../store/due-keys.ts";
import { changeDueKeys } from "./due-keys.ts";
import type { Job } from "./job.ts";

const name = "DestroyKeys";
const keysPerBatch = 20;

export const destroyKeys: Job = {
  name,
  isDue: isKeyDestructionDue,
  async runBatch(deps, tx) {
    const keys = await lockKeysToDestroy(tx, keysPerBatch);
    await changeDueKeys(deps, tx, { job: name, rule: "scheduled_destroy_time" }, keys, async (key) => {
      await deleteKeyMaterial(tx, key);
      return { state: "DESTROYED" };
    });
    return keys.length;
  },
};
