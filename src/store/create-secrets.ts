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
  const claims = all.some(({ claim }) => claim);
  return {
    name: claims ? "create_secrets_once" : "create_secrets",
    text: claims ? claimedText : unclaimedText,
    rowMode: "array",
    values: [JSON.stringify(items), envelopes, JSON.stringify(keys.map(keyItem))],
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

const itemSecret = newSecrets.carry("s_", {
  ...{ state: "'ACTIVE'", version_aliases: "'{}'::jsonb", create_time: "now()", expire_time: "null::timestamptz" },
  ...{ current_version: "1", version_count: "1", enabled_version_count: "1" },
});
const itemVersion = newVersions.carry("v_", {
  ...{ workspace_id: "r.s_workspace_id", secret_id: "r.s_secret_id", version_number: "1", state: "'ENABLED'" },
  ...{ vault_connection_id: "null::text", kms_key_id: "r.s_kms_key_id" },
  // A parameter of its own, because json has no bytes.
  envelope: "substring($2::bytea from r.envelope_start for r.envelope_size)",
});
const itemEvent = newEvents.carry("e_", {
  ...{ workspace_id: "r.s_workspace_id", resource_type: "'secret'", resource_id: "r.s_secret_id", version_number: "1" },
  ...{ decision: "'ALLOW'", result: "'OK'", occurrences: "1" },
});
const itemClaim = newClaims.carry("i_", {
  ...{ workspace_id: "r.s_workspace_id", principal_id: "r.e_principal_id", method: "r.e_method" },
  ...{ resource_type: "'secret'", resource_id: "r.s_secret_id" },
});
const knownKey = write(kmsKeyTable, kmsKeyProperties).carry("", {});

const emptyItem = {
  ...{ key_number: 0, envelope_start: 0, envelope_size: 0 },
  ...{ ...itemSecret.empty, ...itemVersion.empty, ...itemEvent.empty, ...itemClaim.empty },
};

function itemOf(records: NewSecretRecords, keyNumber: number, start: number, size: number): Record<string, unknown> {
  const { secret, version, event, claim } = records;
  const item: Record<string, unknown> = { ...emptyItem };
  item["key_number"] = keyNumber;
  item["envelope_start"] = start;
  item["envelope_size"] = size;
  itemSecret.addTo(item, secret);
  itemVersion.addTo(item, version);
  itemEvent.addTo(item, { ...event, versionNumber: undefined });
  if (claim) itemClaim.addTo(item, claimRow(claim));
  return item;
}

function keyItem(key: StoredKmsKey, number: number): Record<string, unknown> {
  const item: Record<string, unknown> = { key_number: number };
  knownKey.addTo(item, key);
  return item;
}

const lockTimeoutMs = 250;

// "is true" makes Postgres build a hash table. It expects one row, and would otherwise compare every pair.
const isClaimed = "(r.s_secret_id in (select resource_id from claimed)) is true";
const isCreated = "(r.s_secret_id in (select secret_id from created)) is true";

const claimedText = createText(
  `claimed as (${itemClaim.insert(`from asked r where r.i_key is not null
      order by r.s_workspace_id, r.e_principal_id, r.e_method, r.i_key`)} ${unlessClaimed} returning resource_id)`,
  `where r.i_key is null or ${isClaimed}`,
);
const unclaimedText = createText(undefined, "");

/** Rows are inserted in one order, so that two such statements that wait for each other's rows cannot deadlock. */
function createText(claimed: string | undefined, condition: string): string {
  const definitions = [itemSecret, itemVersion, itemEvent, itemClaim].map((each) => each.definitions).join(", ");
  const parts = [
    `patience as materialized (select set_config('lock_timeout', '${lockTimeoutMs}', true) as is_set)`,
    // A key that differs in any column has changed since the process checked it.
    `usable as materialized (
      select j.key_number from json_to_recordset($3::json) as j (key_number integer, ${knownKey.definitions})
      join kms_key k on k.workspace_id = j.workspace_id and k.kms_key_id = j.kms_key_id
      where ${knownKey.isSame("k", "j")})`,
    // Scalar subqueries, which are index scans by any statistics.
    `asked as materialized (
      select r.* from patience p, json_to_recordset($1::json) as r
        (key_number integer, envelope_start integer, envelope_size integer, ${definitions})
      where p.is_set is not null and r.key_number in (select u.key_number from usable u)
        and (select true ${unlimitedText("r.s_workspace_id")})
        and (select true from secret s
          where s.workspace_id = r.s_workspace_id and s.region = r.s_region and s.path = r.s_path and s.state = 'ACTIVE') is null)`,
    ...(claimed === undefined ? [] : [claimed]),
    `created as (${itemSecret.insert(`from asked r ${condition} order by r.s_workspace_id, r.s_region, r.s_path`)}
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
