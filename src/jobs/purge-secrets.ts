// Removes secrets and all of their versions at their purge_time. Only the audit trail is left of them.
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

/** Returns the first secrets whose versions together are within the limit. A secret with more versions is purged alone. */
function withinLimit(secrets: readonly SecretToPurge[]): readonly SecretToPurge[] {
  let versions = 0;
  const beyond = secrets.findIndex(({ versionCount }) => {
    versions += versionCount;
    return versions > versionsPerBatch;
  });
  return beyond === -1 ? secrets : secrets.slice(0, Math.max(1, beyond));
}
