// Creates many secrets in one statement: a faster way to write the same rows, as test/operations/create-secret-ways.test.ts holds.
import { readPolicyText } from "../domain/access/access-policy.ts";
import { newEvents } from "./audit-events.ts";
import type { Database, Statement } from "./database.ts";
import { claimRow, newClaims, unlessClaimed } from "./idempotency.ts";
import { inStoredOrder } from "./rows/column-types.ts";
import type { StoredSecret } from "./rows/secret.ts";
import { type NewSecret, newSecrets } from "./secrets.ts";
import {
  askedText,
  askedValues,
  type CreatedRow,
  envelopeOfAsked,
  isIn,
  type NewVersionRecords,
  withoutRivals,
} from "./shared-statement.ts";
import { unlimitedText } from "./tiers.ts";
import { newVersions } from "./versions.ts";

/** A new secret that does not expire, and its first version. */
export interface NewSecretRecords extends NewVersionRecords {
  secret: NewSecret;
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
  const createTimes = new Map(await database.change<NewSecretRecords, CreatedRow>(all, statementOf));
  return all.map(({ secret }) => {
    const createTime = createTimes.get(secret.secretId);
    return createTime && created(secret, createTime);
  });
}

function statementOf(calls: readonly NewSecretRecords[]): Statement {
  const all = withoutRivals(calls, ({ secret }) => [secret.workspaceId, secret.region, secret.path]);
  const claims = all.some(({ claim }) => claim);
  return {
    name: claims ? "create_secrets_once" : "create_secrets",
    text: claims ? claimedText : unclaimedText,
    rowMode: "array",
    values: askedValues(all, membersOf),
  };
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
  envelope: envelopeOfAsked,
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

function membersOf({ secret, version, event, claim }: NewSecretRecords): string {
  const records = [
    itemSecret.membersOf(secret),
    itemVersion.membersOf(version),
    itemEvent.membersOf({ ...event, versionNumber: undefined }),
    claim ? itemClaim.membersOf(claimRow(claim)) : "",
  ];
  return records.join("");
}

const claimedText = createText(
  `claimed as (${itemClaim.insert(`from asked r where ${idempotencyKey} is not null
      order by ${workspaceId}, ${principalId}, ${method}, ${idempotencyKey}`)} ${unlessClaimed} returning resource_id)`,
  `where ${idempotencyKey} is null or ${isIn(secretId, "resource_id", "claimed")}`,
);
const unclaimedText = createText(undefined, "");

/** Rows are inserted in one order, so that two such statements that wait for each other's rows cannot deadlock. */
function createText(claimed: string | undefined, condition: string): string {
  const definitions = [itemSecret, itemVersion, itemEvent, itemClaim].map((each) => each.definitions);
  const isCreated = isIn(secretId, "secret_id", "created");
  const parts = [
    // Scalar subqueries, which are index scans by any statistics.
    askedText(
      definitions,
      `(select true ${unlimitedText(workspaceId)})
        and (select true from secret s
          where s.workspace_id = ${workspaceId} and s.region = ${region} and s.path = ${path} and s.state = 'ACTIVE') is null`,
    ),
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
