// Marks expired secrets. Readers check expire_time themselves, so nothing depends on this job.
import type { Secret } from "../domain/secret/secret.ts";
import { settleExpired } from "../steps/secrets/settle-expired.ts";
import { isExpiryDue, lockExpiredSecrets } from "../store/expired-secrets.ts";
import type { Job } from "./job.ts";
import { recordSystemEvents } from "./system-events.ts";

const name = "ExpireSecrets";
const secretsPerBatch = 200;

export const expireSecrets: Job = {
  name,
  isDue: isExpiryDue,
  async runBatch(deps, tx) {
    const secrets = await lockExpiredSecrets(tx, secretsPerBatch);
    const { sound, tampered } = await settleExpired(deps, tx, secrets);
    await recordSystemEvents(deps, tx, { job: name, rule: "expire_time" }, sound.map(subjectOf));
    await recordSystemEvents(
      deps,
      tx,
      { job: name, rule: "expire_time", result: "VALUE_CORRUPT" },
      tampered.map(subjectOf),
    );
    return secrets.length;
  },
};

function subjectOf({ workspaceId, secretId }: Pick<Secret, "workspaceId" | "secretId">) {
  return { workspaceId, resourceType: "secret" as const, resourceId: secretId };
}
