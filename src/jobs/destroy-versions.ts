// Destroys secret versions at their scheduled_destroy_time. Until then they are disabled, and enabling a version cancels its destruction.
import { asDestroyed } from "../steps/versions/as-destroyed.ts";
import {
  countDestructions,
  isDestructionDue,
  lockVersionsToDestroy,
  destroyVersions as writeDestructions,
} from "../store/destroy-versions.ts";
import type { Job } from "./job.ts";
import { recordSystemEvents } from "./system-events.ts";

const name = "DestroySecretVersions";
const versionsPerBatch = 200;

export const destroyVersions: Job = {
  name,
  isDue: isDestructionDue,
  async runBatch(deps, tx) {
    const versions = await lockVersionsToDestroy(tx, versionsPerBatch);
    if (versions.length === 0) return 0;
    await writeDestructions(tx, asDestroyed(deps, versions));
    await countDestructions(tx, versions);
    const subjects = versions.map(({ workspaceId, versionId, versionNumber }) => ({
      workspaceId,
      resourceType: "secret_version" as const,
      resourceId: versionId,
      versionNumber,
    }));
    await recordSystemEvents(deps, tx, { job: name, rule: "scheduled_destroy_time" }, subjects);
    return versions.length;
  },
};
