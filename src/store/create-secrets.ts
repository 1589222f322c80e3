// Creates many secrets in one statement: a faster way to write the same rows, as test/operations/create-secret-ways.test.ts holds.
import { readPolicyText } from "../domain/access/access-policy.ts";
import type { AuditEvent } from "../domain/audit/audit-event.ts";
import type { CallProgress } from "../domain/call-progress.ts";
import { newEvents } from "./audit-events.ts";
import type { Database, Statement } from "./database.ts";
import { claimRow, type IdempotencyClaim, newClaims, unlessClaimed } from "./idempotency.ts";
import { inStoredOrder } from "./rows/column-types.ts";
import { kmsKeyProperties, kmsKeyTable, type StoredKmsKey } from "./rows/kms-key.ts";
import type { StoredSecret } from "./rows/secret.ts";
import { write } from "./rows/write.ts";
import { type NewSecret, newSecrets } from "./secrets.ts";
import { unlimitedText } from "./tiers.ts";
import { type NewVersion, newVersions } from "./versions.ts";

/** A new secret that does not expire, its first version, which is no reference, and what is stored with them. */
export interface NewSecretRecords {
  secret: NewSecret;
  version: NewVersion;
  /** The row of the key that sealed the version, as the process knows it. */
  key: StoredKmsKey;
  event: AuditEvent;
  claim: IdempotencyClaim | undefined;
  progress: CallProgress | undefined;
}

/**
 * Writes each secret with its first version, its audit event and its idempotency key, and commits them together. Returns undefined, and
 * writes nothing, for a secret whose path or idempotency key is taken, whose workspace has a quota, whose key has changed, or whose caller's
 * deadline has passed. Waits for locks only shortly.
 */
export async function createSecretsAtOnce(
  database: Pick<Database, "change">,
  all: readonly NewSecretRecords[],
): Promise<(StoredSecret | undefined)[]> {
  const rows = await database.change<NewSecretRecords, CreatedRow>(all, statementOf);
  const createTimes = new Map(rows);
  return all.map(({ secret }) => {
    const createTime = createTimes.get(secret.secretId);
    return createTime && created(secret, createTime);
  });
}

type CreatedRow = [secretId: string, createTime: Date];

function statementOf(calls: readonly NewSecretRecords[]): Statement {
  const all = withoutRivals(calls);
  const keys = [...new Set(all.map(({ key }) => key))];
  let start = 1;
  const items = all.map((records) => {
    const size = records.version.envelope?.byteLength ?? 0;
    const item = itemOf(records, keys.indexOf(records.key), start, size);
    start += size;
    return item;
  });
  const envelopes = Buffer.concat(all.map(({ version: { envelope } }) => envelope ?? Buffer.alloc(0)));
  const known = keys.map((key, number) => `{"key_number":${number}${knownKey.membersOf(key)}}`);
  const claims = all.some(({ claim }) => claim);
  return {
    name: claims ? "create_secrets_once" : "create_secrets",
    text: claims ? claimedText : unclaimedText,
    rowMode: "array",
    values: [`[${items.join(",")}]`, envelopes, `[${known.join(",")}]`],
  };
}

/** Returns the first of those with the same path or idempotency key. Two of them in one statement would fail all. */
function withoutRivals(calls: readonly NewSecretRecords[]): readonly NewSecretRecords[] {
  if (calls.length === 1) return calls;
  const taken = new Set<string>();
  return calls.filter(({ secret: { workspaceId, region, path }, claim }) => {
    const names = [JSON.stringify([workspaceId, region, path]), ...(claim ? [JSON.stringify(claim.scope)] : [])];
    if (names.some((name) => taken.has(name))) return false;
    for (const name of names) taken.add(name);
    return true;
  });
}

const itemSecret = newSecrets.carry("s", {
  ...{ state: "'ACTIVE'", version_aliases: "'{}'::jsonb", create_time: "now()", expire_time: "null::timestamptz" },
  ...{ current_version: "1", version_count: "1", enabled_version_count: "1" },
});
const [workspaceId, secretId, region, path, kmsKeyId] = (
  ["workspace_id", "secret_id", "region", "path", "kms_key_id"] as const
).map(itemSecret.memberOf) as [string, string, string, string, string];

const itemVersion = newVersions.carry("v", {
  ...{ workspace_id: workspaceId, secret_id: secretId, version_number: "1", state: "'ENABLED'" },
  ...{ vault_connection_id: "null::text", kms_key_id: kmsKeyId },
  // A parameter of its own, because json has no bytes.
  envelope: "substring($2::bytea from r.envelope_start for r.envelope_size)",
});

const itemEvent = newEvents.carry("e", {
  ...{ workspace_id: workspaceId, resource_type: "'secret'", resource_id: secretId, version_number: "1" },
  ...{ decision: "'ALLOW'", result: "'OK'", occurrences: "1" },
});
const [principalId, method] = ["principal_id", "method"].map(itemEvent.memberOf) as [string, string];

const itemClaim = newClaims.carry("i", {
  ...{ workspace_id: workspaceId, principal_id: principalId, method },
  ...{ resource_type: "'secret'", resource_id: secretId },
});
const idempotencyKey = itemClaim.memberOf("key");

const knownKey = write(kmsKeyTable, kmsKeyProperties).carry("k", {});

function itemOf(records: NewSecretRecords, keyNumber: number, start: number, size: number): string {
  const { secret, version, event, claim } = records;
  const members = [
    itemSecret.membersOf(secret),
    itemVersion.membersOf(version),
    itemEvent.membersOf({ ...event, versionNumber: undefined }),
    claim ? itemClaim.membersOf(claimRow(claim)) : "",
  ];
  return `{"key_number":${keyNumber},"envelope_start":${start},"envelope_size":${size}${members.join("")}}`;
}

const lockTimeoutMs = 250;

// "is true" makes Postgres build a hash table. It expects one row, and would otherwise compare every pair.
const isClaimed = `(${secretId} in (select resource_id from claimed)) is true`;
const isCreated = `(${secretId} in (select secret_id from created)) is true`;

const claimedText = createText(
  `claimed as (${itemClaim.insert(`from asked r where ${idempotencyKey} is not null
      order by ${workspaceId}, ${principalId}, ${method}, ${idempotencyKey}`)} ${unlessClaimed} returning resource_id)`,
  `where ${idempotencyKey} is null or ${isClaimed}`,
);
const unclaimedText = createText(undefined, "");

/** Rows are inserted in one order, so that two such statements that wait for each other's rows cannot deadlock. */
function createText(claimed: string | undefined, condition: string): string {
  const definitions = [itemSecret, itemVersion, itemEvent, itemClaim].map((each) => each.definitions).join(", ");
  const parts = [
    `patience as materialized (select set_config('lock_timeout', '${lockTimeoutMs}', true) as is_set)`,
    // A key that differs in any column has changed since the process checked it.
    `usable as materialized (
      select r.key_number from json_to_recordset($3::json) as r (key_number integer, ${knownKey.definitions})
      join kms_key k on k.workspace_id = ${knownKey.memberOf("workspace_id")} and k.kms_key_id = ${knownKey.memberOf("kms_key_id")}
      where ${knownKey.isSame})`,
    // Scalar subqueries, which are index scans by any statistics.
    `asked as materialized (
      select r.* from patience p, json_to_recordset($1::json) as r
        (key_number integer, envelope_start integer, envelope_size integer, ${definitions})
      where p.is_set is not null and r.key_number in (select u.key_number from usable u)
        and (select true ${unlimitedText(workspaceId)})
        and (select true from secret s
          where s.workspace_id = ${workspaceId} and s.region = ${region} and s.path = ${path} and s.state = 'ACTIVE') is null)`,
    ...(claimed === undefined ? [] : [claimed]),
    `created as (${itemSecret.insert(`from asked r ${condition} order by ${workspaceId}, ${region}, ${path}`)}
      returning secret_id)`,
    `versions as (${itemVersion.insert(`from asked r where ${isCreated}`)})`,
    `events as (${itemEvent.insert(`from asked r where ${isCreated}`)})`,
  ];
  return `with ${parts.join(", ")} select secret_id, now() from created`;
}

/** Returns the secret as a statement would read it. */
function created(secret: NewSecret, createTime: Date): StoredSecret {
  return {
    ...secret,
    state: "ACTIVE",
    labels: inStoredOrder(secret.labels),
    annotations: inStoredOrder(secret.annotations),
    credentialFields: inStoredOrder(secret.credentialFields),
    accessPolicy: readPolicyText(secret.accessPolicyText),
    validation: secret.credentialMac && { state: "UNSPECIFIED", validateTime: undefined, error: "" },
    revision: 1,
    createTime,
    updateTime: createTime,
    deleteTime: undefined,
    purgeTime: undefined,
    lastAccessedTime: undefined,
    lastUsedTime: undefined,
  };
}
