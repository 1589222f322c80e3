// Creates a secret in one statement: a faster way to write the same rows, as test/operations/create-secret-ways.test.ts holds.
import type { AuditEvent } from "../domain/audit/audit-event.ts";
import type { CallProgress } from "../domain/call-progress.ts";
import { insertEventsText, insertedEvents } from "./audit-events.ts";
import { firstOrUndefined } from "./connection/single-row.ts";
import type { Database } from "./database.ts";
import { claimValues, type IdempotencyClaim, newClaims, unlessClaimed } from "./idempotency.ts";
import { type StoredSecret, secretColumns, toSecret } from "./rows/secret.ts";
import type { DriverRow } from "./rows/select.ts";
import { type NewSecret, newSecrets } from "./secrets.ts";
import { unlimitedText } from "./tiers.ts";
import { type NewVersion, newVersions } from "./versions.ts";

interface NewSecretRecords {
  secret: NewSecret;
  version: NewVersion;
  event: AuditEvent;
  claim: IdempotencyClaim | undefined;
  progress: CallProgress | undefined;
}

/**
 * Writes the secret, its first version, its audit event and its idempotency key, and commits. Returns undefined, and writes nothing, if the
 * idempotency key is taken or the workspace has a quota. A taken path violates `secret_active_path`.
 */
export async function createSecretAtOnce(
  database: Pick<Database, "change">,
  { secret, version, event, claim, progress }: NewSecretRecords,
): Promise<StoredSecret | undefined> {
  const created = await database.change<DriverRow>(
    {
      name: claim ? "create_secret_once" : "create_secret",
      text: claim ? claimedText : unclaimedText,
      values: [
        ...(claim ? claimValues(claim) : []),
        ...newSecrets.values(secret),
        ...newVersions.values(version),
        insertedEvents([event]),
      ],
    },
    progress,
  );
  const row = firstOrUndefined(created);
  return row && toSecret(row);
}

const claimedText = createText(
  newClaims.count + 1,
  `claimed as (${newClaims.insert(1, "from unlimited")} ${unlessClaimed})`,
  "from claimed",
);
const unclaimedText = createText(1, undefined, "from unlimited");

/** `first` is the number of the secret's first parameter. */
function createText(first: number, claimed: string | undefined, from: string): string {
  const firstOfVersion = first + newSecrets.count;
  const events = `$${firstOfVersion + newVersions.count}`;
  const parts = [
    // The first column of every row is its workspace.
    `unlimited as (${unlimitedText("$1")})`,
    ...(claimed === undefined ? [] : [claimed]),
    `s as (${newSecrets.insert(first, from)} returning *)`,
    `v as (${newVersions.insert(firstOfVersion, "from s")})`,
    `e as (${insertEventsText(events)} where exists (select from s))`,
  ];
  return `with ${parts.join(", ")} select ${secretColumns} from s`;
}
