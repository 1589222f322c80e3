// Adds versions to many secrets in one statement: a faster way to write the same rows, as test/operations/add-version-ways.test.ts holds.
import { newEvents } from "./audit-events.ts";
import type { Database, Statement } from "./database.ts";
import { claimRow, newClaims, unlessClaimed } from "./idempotency.ts";
import { type StoredSecret, secretTable } from "./rows/secret.ts";
import type { StoredVersion } from "./rows/secret-version.ts";
import { coveredProperties } from "./rows/table.ts";
import { write } from "./rows/write.ts";
import {
  askedText,
  askedValues,
  type CreatedRow,
  envelopeOfAsked,
  isIn,
  type NewVersionRecords,
  withoutRivals,
} from "./shared-statement.ts";
import { newVersions } from "./versions.ts";

/** A new version, and the secret that it was sealed for. */
export interface AppendedVersionRecords extends NewVersionRecords {
  /** As it was read, authentic and without an expire time. */
  secret: StoredSecret;
  /** The MAC of the secret with the version as its current one. */
  nextRowMac: Uint8Array;
}

/**
 * Adds each version, makes it the current one, and commits them together with their audit events and idempotency keys. Returns undefined,
 * and writes nothing, for a secret that has changed, for a key that has changed, for a taken idempotency key, or for a call whose deadline has
 * passed. Waits for locks only shortly.
 */
export async function appendVersionsAtOnce(
  database: Pick<Database, "change">,
  all: readonly AppendedVersionRecords[],
): Promise<(StoredVersion | undefined)[]> {
  const createTimes = new Map(await database.change<AppendedVersionRecords, CreatedRow>(all, statementOf));
  return all.map(({ version }) => {
    const createTime = createTimes.get(version.versionId);
    return createTime && { ...version, ...newColumns, createTime };
  });
}

const newColumns = {
  envelope: undefined,
  revision: 1,
  destroyTime: undefined,
  scheduledDestroyTime: undefined,
  lastAccessedTime: undefined,
};

function statementOf(calls: readonly AppendedVersionRecords[]): Statement {
  const all = withoutRivals(calls, ({ version }) => [version.workspaceId, version.secretId]);
  return { name: "append_versions", text: appendText, rowMode: "array", values: askedValues(all, membersOf) };
}

const askedSecret = write(secretTable, [
  ...coveredProperties(secretTable, "row_mac"),
  ...(["rowMac", "kind", "authMethod", "egress", "revision"] as const),
]).carry("o", {});
const [workspaceId, secretId] = ["workspace_id", "secret_id"].map(askedSecret.memberOf) as [string, string];

const itemVersion = newVersions.carry("v", {
  ...{ workspace_id: workspaceId, secret_id: secretId, state: "'ENABLED'", vault_connection_id: "null::text" },
  envelope: envelopeOfAsked,
});
const [versionId, versionNumber] = ["version_id", "version_number"].map(itemVersion.memberOf) as [string, string];

const nextMac = write(secretTable, ["rowMac"]).carry("n", {});

const itemEvent = newEvents.carry("e", {
  ...{ workspace_id: workspaceId, resource_type: "'secret_version'", resource_id: versionId },
  ...{ version_number: versionNumber, decision: "'ALLOW'", result: "'OK'", occurrences: "1" },
});
const [principalId, method] = ["principal_id", "method"].map(itemEvent.memberOf) as [string, string];

const itemClaim = newClaims.carry("i", {
  ...{ workspace_id: workspaceId, principal_id: principalId, method },
  ...{ resource_type: "'secret_version'", resource_id: versionId },
});
const idempotencyKey = itemClaim.memberOf("key");

function membersOf({ secret, version, nextRowMac, event, claim }: AppendedVersionRecords): string {
  const records = [
    askedSecret.membersOf(secret),
    itemVersion.membersOf(version),
    nextMac.membersOf({ rowMac: nextRowMac }),
    itemEvent.membersOf({ ...event, versionNumber: undefined }),
    claim ? itemClaim.membersOf(claimRow(claim)) : "",
  ];
  return records.join("");
}

const isAppended = isIn(versionId, "version_id", "appended");

/**
 * The rows of the secrets are locked before the idempotency keys are claimed: a secret that has changed must leave no claim. Each is done in one
 * order. UPDATE joins `ready`, because it reads a joined row as it was if it has to follow the secret to a newer version of its row.
 */
const appendText = `with ${askedText(
  [askedSecret, itemVersion, nextMac, itemEvent, itemClaim].map((each) => each.definitions),
  "true",
)},
  locked as materialized (
    select ${versionId} as version_id from asked r
    join secret s on s.workspace_id = ${workspaceId} and s.secret_id = ${secretId}
    where ${askedSecret.isSame} order by s.workspace_id, s.secret_id for no key update of s),
  claimed as (
    ${itemClaim.insert(`from asked r where ${idempotencyKey} is not null and ${isIn(versionId, "version_id", "locked")}
      order by ${workspaceId}, ${principalId}, ${method}, ${idempotencyKey}`)} ${unlessClaimed} returning resource_id),
  ready as materialized (
    select r.* from asked r where ${isIn(versionId, "version_id", "locked")}
      and (${idempotencyKey} is null or ${isIn(versionId, "resource_id", "claimed")})),
  appended as (
    update secret s set version_count = ${versionNumber}, enabled_version_count = s.enabled_version_count + 1,
      current_version = ${versionNumber}, row_mac = ${nextMac.memberOf("row_mac")}, revision = s.revision + 1,
      update_time = clock_timestamp(), validate_after = case when s.validation_state is not null then clock_timestamp() end
    from ready r where s.workspace_id = ${workspaceId} and s.secret_id = ${secretId}
    returning ${versionId} as version_id),
  versions as (${itemVersion.insert(`from asked r where ${isAppended}`)}),
  events as (${itemEvent.insert(`from asked r where ${isAppended}`)})
  select version_id, now() from appended`;
