// Notes down that secrets have expired, which every reader has judged by itself since their expire_time.
import { isExpiryDue, settleExpiredSecrets } from "../store/expired-secrets.ts";
import type { Job } from "./job.ts";
import { recordSystemEvents } from "./system-events.ts";

const name = "ExpireSecrets";
const secretsPerBatch = 200;

export const expireSecrets: Job = {
  name,
  isDue: isExpiryDue,
  async runBatch(deps, tx) {
    const secrets = await settleExpiredSecrets(tx, secretsPerBatch);
    const subjects = secrets.map(({ workspaceId, secretId }) => ({
      workspaceId,
      resourceType: "secret" as const,
      resourceId: secretId,
    }));
    await recordSystemEvents(deps, tx, { job: name, rule: "expire_time" }, subjects);
    return secrets.length;
  },
};
