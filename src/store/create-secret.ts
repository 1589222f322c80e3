// A new secret with its first version, its audit event and its idempotency key in one statement, which commits by itself.
import type { AuditEvent } from "../domain/audit/audit-event.ts";
import type { CallProgress } from "../domain/call-progress.ts";
import { insertEventsText, insertedEvents } from "./audit-events.ts";
import { firstOrUndefined } from "./connection/single-row.ts";
import type { Database } from "./database.ts";
import { type IdempotencyClaim, newClaimRow, unlessClaimed } from "./idempotency.ts";
import { insertedValues, insertText, type NewRow } from "./insert.ts";
import { type SecretRow, type StoredSecret, secretColumns, toSecret } from "./rows.ts";
import { type NewSecret, newSecretRow } from "./secrets.ts";
import { unlimitedText } from "./tiers.ts";
import { type NewVersion, newVersionRow } from "./versions.ts";

interface NewSecretRecords {
  secret: NewSecret;
  version: NewVersion;
  event: AuditEvent;
  claim: IdempotencyClaim | undefined;
  progress: CallProgress | undefined;
}

/**
 * Undefined, with nothing written, when the key is taken or the workspace has limits, which one statement cannot keep; a taken path
 * violates `secret_active_path`.
 */
export async function createSecretAtOnce(
  database: Pick<Database, "change">,
  { secret, version, event, claim, progress }: NewSecretRecords,
): Promise<StoredSecret | undefined> {
  const claimRow = claim ? newClaimRow(claim) : [];
  const rows = [claimRow, newSecretRow(secret), newVersionRow(version)] as const;
  const statement = {
    name: claim ? "create_secret_once" : "create_secret",
    text: claim ? textOnce(rows) : textAlways(rows),
    values: [...rows.flatMap(insertedValues), insertedEvents([event])],
  };
  const created = await database.change<SecretRow>(statement, progress);
  const row = firstOrUndefined(created);
  return row && toSecret(row);
}

type Rows = readonly [claim: NewRow, secret: NewRow, version: NewRow];

const textOnce = remembered(([claim, secret, version]: Rows) => {
  const claimed = `claimed as (${insertText("idempotency", claim, 1, "from unlimited")} ${unlessClaimed})`;
  return createText(claimed, secret, version, insertedValues(claim).length + 1, "from claimed");
});

const textAlways = remembered(([, secret, version]: Rows) => createText("", secret, version, 1, "from unlimited"));

function createText(claimed: string, secret: NewRow, version: NewRow, first: number, from: string): string {
  const firstOfVersion = first + insertedValues(secret).length;
  const events = `$${firstOfVersion + insertedValues(version).length}`;
  const parts = [
    // The first column of every row is its workspace.
    `unlimited as (${unlimitedText(`$${first}`)})`,
    claimed,
    `s as (${insertText("secret", secret, first, from)} returning *)`,
    `v as (${insertText("secret_version", version, firstOfVersion, "from s")})`,
    `e as (${insertEventsText(events)} where exists (select from s))`,
  ];
  return `with ${parts.filter((part) => part !== "").join(", ")} select ${secretColumns} from s`;
}

/** The same text for every call: only the values differ. */
function remembered(make: (rows: Rows) => string): (rows: Rows) => string {
  let text: string | undefined;
  return (rows) => {
    text ??= make(rows);
    return text;
  };
}
