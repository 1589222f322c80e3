// Reads versions with their ciphertext, many in one statement, which also writes the audit events of those whose value may leave.

import type { Grant } from "../domain/access/grant.ts";
import type { AuditEvent } from "../domain/audit/audit-event.ts";
import { assertNever } from "../domain/error/errors.ts";
import type { KmsKeyState } from "../domain/key/kms-key.ts";
import type { PayloadForm } from "../domain/secret/payload.ts";
import type { SecretRef } from "../domain/secret/secret.ts";
import { currentAlias, type SecretVersion, type VersionRef, type VersionState } from "../domain/secret/version.ts";
import { pathOf } from "../domain/secret-name.ts";
import type { Sql } from "./database.ts";
import type { StoredKmsKey } from "./kms-keys.ts";
import { isActive } from "./rows.ts";
import { guardColumns, type SecretGuard } from "./secret-guard.ts";

/** One value that somebody asks for. */
export interface ValueAsk {
  grant: Grant<"versions.access">;
  secret: SecretRef;
  version: VersionRef;
  /** Written when the value may leave; the statement adds the secret and the version's number. */
  event: AuditEvent;
}

/** An active secret with the version that was asked for, its ciphertext, and what it takes to judge and open it. */
export interface SealedVersion {
  secret: SecretGuard;
  /** By the database's clock; undefined when there is no access policy to judge. */
  judgeTime: Date | undefined;
  /** Undefined when the secret has no such version. */
  version:
    | (Pick<
        SecretVersion,
        "versionId" | "versionNumber" | "state" | "kmsKeyId" | "kmsKeyVersion" | "vaultConnectionId"
      > & {
        payloadForm: PayloadForm;
        envelope: Uint8Array | null;
        mac: Uint8Array;
      })
    | undefined;
  key: StoredKmsKey | undefined;
  /** The event is durable. Never so with an access policy: whoever judges it records the event. */
  isRecorded: boolean;
}

/** In the order of the asks; undefined where there is no such active secret. */
export async function readSealedVersions(sql: Sql, asks: readonly ValueAsk[]): Promise<(SealedVersion | undefined)[]> {
  const results: (SealedVersion | undefined)[] = new Array(asks.length).fill(undefined);
  const shapes = Map.groupBy(asks.keys(), (index) => shapeOf(asks[index] as ValueAsk));
  await Promise.all(
    [...shapes].map(async ([shape, indexes]) => {
      const rows = await readShape(
        sql,
        shape,
        indexes.map((index) => asks[index] as ValueAsk),
      );
      for (const row of rows) results[indexes[row[0] - 1] as number] = toSealedVersion(row);
    }),
  );
  return results;
}

// Each way of naming a secret and a version is a statement of its own, which Postgres plans once.
type Shape = `${SecretRef["by"]}_${VersionRef["by"]}`;

function shapeOf({ secret, version }: ValueAsk): Shape {
  return `${secret.by}_${version.by}`;
}

/** In the order of the select list below: an object for each row would cost more than it says. */
type SealedRow = [
  ordinal: number,
  workspaceId: string,
  secretId: string,
  region: string,
  name: string,
  path: string,
  expireTime: Date | null,
  currentVersion: number,
  versionCount: number,
  /** Null if there are none: most secrets have none, and JSON is slow to parse. */
  versionAliases: Record<string, number> | null,
  kmsKeyId: string,
  revealable: boolean,
  accessPolicyText: string | null,
  versionNumber: number | null,
  versionId: string,
  versionState: VersionState,
  payloadForm: PayloadForm,
  envelope: Uint8Array | null,
  versionKeyId: string,
  versionKeyVersion: number,
  versionMac: Uint8Array,
  keyState: KmsKeyState | null,
  keyName: string,
  keyRegion: string,
  keyAlgorithm: string,
  keyPrimaryVersion: number,
  keyMac: Uint8Array,
  rowMac: Uint8Array | null,
  judgeTime: Date | null,
  vaultConnectionId: string | null,
  isRecorded: boolean,
  keyExportAllowed: boolean,
];

function readShape(sql: Sql, shape: Shape, asks: readonly ValueAsk[]): Promise<SealedRow[]> {
  const [first] = asks as readonly [ValueAsk, ...ValueAsk[]];
  // One alone, as where nothing else is going on, needs no lists.
  const isAlone = asks.length === 1;
  const name = isAlone ? `read_sealed_version_${shape}` : `read_sealed_versions_${shape}`;
  let text = texts.get(name);
  if (text === undefined) {
    text = textOf(first, isAlone ? askedAlone : askedTogether);
    texts.set(name, text);
  }
  const values = isAlone ? [...perAsk(first), ...perAsker(first)] : columnsOf(asks);
  return sql.query<SealedRow>({ name, rowMode: "array", text, values });
}

/** By the names of their statements. */
const texts = new Map<string, string>();

function textOf({ secret, version }: ValueAsk, asked: string): string {
  return `with asked as (
        ${asked}
      ), found as materialized (
        select a.*, s.secret_id, ${guardColumns},
          v.version_number as v_number, v.version_id as v_id, v.state as v_state, v.payload_form as v_form,
          v.envelope as v_envelope, v.kms_key_id as v_key_id, v.kms_key_version as v_key_version, v.mac as v_mac,
          v.vault_connection_id as v_vault_connection_id,
          k.state as k_state, k.name as k_name, k.region as k_region, k.algorithm as k_algorithm,
          k.primary_version as k_primary_version, k.mac as k_mac, k.export_allowed as k_export_allowed,
          coalesce(s.access_policy is null and s.revealable and v.state = 'ENABLED' and k.state = 'ACTIVE', false) as is_recorded
        from asked a
        join secret s on s.workspace_id = a.workspace_id and ${isActive}
          and ${secret.by === "id" ? "s.secret_id = a.secret_key" : "s.path = a.secret_key and s.region = a.region"}
        left join secret_version v on v.workspace_id = s.workspace_id and v.secret_id = s.secret_id
          and v.version_number = ${versionNumberExpression(version.by)}
        left join kms_key k on k.workspace_id = v.workspace_id and k.kms_key_id = v.kms_key_id
      ), recorded as (
        insert into audit_event (
          workspace_id, event_id, request_id, principal_id, token_id, method, resource_type, resource_id, version_number,
          decision, rule, address, user_agent, result, occurrences)
        select f.workspace_id, f.event_id, f.request_id, f.principal_id, f.token_id, f.method, 'secret', f.secret_id, f.v_number,
          'ALLOW', f.rule, f.address, f.user_agent, 'OK', 1
        from found f where f.is_recorded
      )
      select f.ordinal::integer, f.workspace_id, f.secret_id, f.s_region, f.s_name, f.s_path, f.s_expire_time,
        f.s_current_version, f.s_version_count, nullif(f.s_version_aliases, '{}'), f.s_kms_key_id, f.s_revealable,
        f.s_access_policy, f.v_number, f.v_id, f.v_state, f.v_form, f.v_envelope, f.v_key_id, f.v_key_version, f.v_mac, f.k_state,
        f.k_name, f.k_region, f.k_algorithm, f.k_primary_version, f.k_mac, f.s_row_mac,
        case when f.s_access_policy is not null then now() end as judge_time, f.v_vault_connection_id, f.is_recorded,
        f.k_export_allowed
      from found f`;
}

const askedAlone = `select $1::text as secret_key, $2::text as version_key, $3::text as event_id, $4::text as request_id,
  $5::text as workspace_id, $6::text as region, $7::text as principal_id, $8::text as token_id, $9::text as method,
  $10::text as rule, $11::text as address, $12::text as user_agent, 1 as ordinal`;

const askedTogether = `select a.*, c.* from unnest($1::text[], $2::text[], $3::text[], $4::text[], $13::integer[])
  with ordinality as a (secret_key, version_key, event_id, request_id, asker, ordinal)
  join unnest($5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[])
  with ordinality as c (workspace_id, region, principal_id, token_id, method, rule, address, user_agent, number)
  on c.number = a.asker`;

/** What each ask has of its own. */
function perAsk({ secret, version, event }: ValueAsk): (string | null)[] {
  const secretKey = secret.by === "id" ? secret.secretId : pathOf(secret.name);
  return [secretKey, versionKey(version), event.eventId, event.requestId];
}

/** What is the same for most asks. */
function perAsker({ grant, secret, event }: ValueAsk): (string | null)[] {
  const { principalId, tokenId, method, rule, address, userAgent } = event;
  const region = secret.by === "id" ? null : secret.region;
  return [grant.workspaceId, region, principalId, tokenId, method, rule, address, userAgent];
}

/** Each asker once, and for each ask the number of its asker, counted from 1. */
function columnsOf(asks: readonly ValueAsk[]): unknown[] {
  const askers: (string | null)[][] = [];
  const numberOf = new Map<string, number>();
  const numbers = asks.map((ask) => {
    const asker = perAsker(ask);
    const key = JSON.stringify(asker);
    const known = numberOf.get(key);
    if (known !== undefined) return known;
    numberOf.set(key, askers.push(asker));
    return askers.length;
  });
  return [...transposed(asks.map(perAsk)), ...transposed(askers), numbers];
}

function transposed(rows: readonly (string | null)[][]): (string | null)[][] {
  const [first = []] = rows;
  return first.map((_, column) => rows.map((row) => row[column] as string | null));
}

function versionNumberExpression(by: VersionRef["by"]): string {
  switch (by) {
    case "latest":
      return "s.current_version";
    case "number":
      return "a.version_key::integer";
    case "alias":
      return `coalesce((s.version_aliases ->> a.version_key)::integer,
        case a.version_key when '${currentAlias}' then s.current_version end)`;
    case "id":
      return `(select i.version_number from secret_version i
        where i.workspace_id = a.workspace_id and i.version_id = a.version_key and i.secret_id = s.secret_id)`;
    default:
      return assertNever(by);
  }
}

function versionKey(version: VersionRef): string | null {
  switch (version.by) {
    case "latest":
      return null;
    case "number":
      return String(version.versionNumber);
    case "alias":
      return version.alias;
    case "id":
      return version.versionId;
    default:
      return assertNever(version);
  }
}

/** Reads columns by index: destructuring the row costs more than the rest of this function. */
function toSealedVersion(row: SealedRow): SealedVersion {
  const versionNumber = row[13];
  const keyState = row[21];
  return {
    secret: {
      workspaceId: row[1],
      secretId: row[2],
      region: row[3],
      name: row[4],
      path: row[5],
      // No other is found.
      storedState: "ACTIVE",
      expireTime: row[6] ?? undefined,
      currentVersion: row[7],
      versionCount: row[8],
      versionAliases: row[9] ?? noAliases,
      kmsKeyId: row[10],
      revealable: row[11],
      accessPolicyText: row[12] ?? undefined,
      rowMac: row[27] ?? noMac,
    },
    judgeTime: row[28] ?? undefined,
    version:
      versionNumber === null
        ? undefined
        : {
            versionNumber,
            versionId: row[14],
            state: row[15],
            payloadForm: row[16],
            envelope: row[17],
            kmsKeyId: row[18],
            kmsKeyVersion: row[19],
            mac: row[20],
            vaultConnectionId: row[29] ?? undefined,
          },
    key:
      keyState === null
        ? undefined
        : {
            workspaceId: row[1],
            kmsKeyId: row[18],
            name: row[22],
            region: row[23],
            algorithm: row[24],
            state: keyState,
            primaryVersion: row[25],
            mac: row[26],
            exportAllowed: row[31],
          },
    isRecorded: row[30],
  };
}

const noAliases = {};
const noMac = new Uint8Array();
