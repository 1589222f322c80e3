// Removes secrets at their purge_time, with all of their versions: after it nothing of them is left but the audit trail.
import { isPurgeDue, lockSecretsToPurge, purgeSecrets as removeSecrets, type SecretToPurge } from "../store/purge.ts";
import type { Job } from "./job.ts";
import { recordSystemEvents } from "./system-events.ts";

const name = "PurgeSecrets";
const secretsPerBatch = 50;
const versionsPerBatch = 125;

export const purgeSecrets: Job = {
  name,
  isDue: isPurgeDue,
  async runBatch(deps, tx) {
    const secrets = withinLimit(await lockSecretsToPurge(tx, secretsPerBatch));
    if (secrets.length === 0) return 0;
    await removeSecrets(tx, secrets);
    const subjects = secrets.map(({ workspaceId, secretId }) => ({
      workspaceId,
      resourceType: "secret" as const,
      resourceId: secretId,
    }));
    await recordSystemEvents(deps, tx, { job: name, rule: "purge_time" }, subjects);
    return secrets.length;
  },
};

/** The first ones, with not too many versions in all; a secret with more than that goes alone, and whole. */
function withinLimit(secrets: readonly SecretToPurge[]): readonly SecretToPurge[] {
  let versions = 0;
  const beyond = secrets.findIndex(({ versionCount }) => {
    versions += versionCount;
    return versions > versionsPerBatch;
  });
  return beyond === -1 ? secrets : secrets.slice(0, Math.max(1, beyond));
}
