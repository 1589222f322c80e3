// The jobs that need no setting.
import { analyzeTables } from "./analyze-tables.ts";
import { destroyKeys } from "./destroy-keys.ts";
import { destroyVersions } from "./destroy-versions.ts";
import { expireSecrets } from "./expire-secrets.ts";
import type { Job } from "./job.ts";
import { purgeSecrets } from "./purge-secrets.ts";
import { revalidateCredentials } from "./revalidate-credentials.ts";
import { rewrapVersions } from "./rewrap-versions.ts";
import { rotateKeys } from "./rotate-keys.ts";
import { sealAuditEvents } from "./seal-audit-events.ts";
import { sweepIdempotency } from "./sweep-idempotency.ts";

export const jobs: readonly Job[] = [
  expireSecrets,
  purgeSecrets,
  destroyVersions,
  rotateKeys,
  rewrapVersions,
  destroyKeys,
  sweepIdempotency,
  revalidateCredentials,
  analyzeTables,
  sealAuditEvents,
];
