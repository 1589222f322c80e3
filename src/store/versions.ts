// Versions of secrets: find, insert and change their rows, and load what is sealed in them.
import type { Grant } from "../domain/grant.ts";
import type { KmsKeyState } from "../domain/kms-key.ts";
import type { PayloadForm } from "../domain/payload.ts";
import type { Secret, SecretRef } from "../domain/secret.ts";
import { pathOf } from "../domain/secret-name.ts";
import type { SecretVersion, VersionRef, VersionState } from "../domain/version.ts";
import type { Sql, Tx } from "./database.ts";
import {
  firstOrUndefined,
  isActive,
  only,
  type SecretRow,
  secretColumns,
  toSecret,
  toVersion,
  type VersionRow,
  versionColumns,
} from "./rows.ts";

export async function findVersion(
  sql: Sql,
  secret: Pick<Secret, "workspaceId" | "secretId" | "currentVersion" | "versionAliases">,
  ref: VersionRef,
): Promise<SecretVersion | undefined> {
  const { workspaceId, secretId } = secret;
  const rows =
    ref.by === "id"
      ? await sql.query<VersionRow>({
          name: "find_version_by_id",
          text: `select ${versionColumns} from secret_version v
            where v.workspace_id = $1 and v.secret_id = $2 and v.version_id = $3`,
          values: [workspaceId, secretId, ref.versionId],
        })
      : await sql.query<VersionRow>({
          name: "find_version_by_number",
          text: `select ${versionColumns} from secret_version v
            where v.workspace_id = $1 and v.secret_id = $2 and v.version_number = $3`,
          values: [workspaceId, secretId, numberOf(secret, ref)],
        });
  const row = firstOrUndefined(rows);
  return row && toVersion(row);
}

/** By its own id alone: what a replay has. */
export async function findVersionById(
  sql: Sql,
  workspaceId: string,
  versionId: string,
): Promise<SecretVersion | undefined> {
  const rows = await sql.query<VersionRow>({
    name: "find_version_by_own_id",
    text: `select ${versionColumns} from secret_version v where v.workspace_id = $1 and v.version_id = $2`,
    values: [workspaceId, versionId],
  });
  const row = firstOrUndefined(rows);
  return row && toVersion(row);
}

// 0 is no version's number.
function numberOf(
  secret: Pick<Secret, "currentVersion" | "versionAliases">,
  ref: Exclude<VersionRef, { by: "id" }>,
): number {
  if (ref.by === "number") return ref.versionNumber;
  if (ref.by === "latest") return secret.currentVersion;
  return Object.hasOwn(secret.versionAliases, ref.alias) ? (secret.versionAliases[ref.alias] as number) : 0;
}

export interface NewVersion {
  workspaceId: string;
  secretId: string;
  versionId: string;
  versionNumber: number;
  comment: string;
  payloadForm: PayloadForm;
  envelope: Uint8Array;
  kmsKeyId: string;
  kmsKeyVersion: number;
}

export async function insertVersion(tx: Tx, version: NewVersion): Promise<SecretVersion> {
  const rows = await tx.query<VersionRow>({
    name: "insert_version",
    text: `insert into secret_version as v (
        workspace_id, secret_id, version_id, version_number, state, comment, payload_form, envelope, kms_key_id, kms_key_version)
      values ($1, $2, $3, $4, 'ENABLED', $5, $6, $7, $8, $9)
      returning ${versionColumns}`,
    values: [
      version.workspaceId,
      version.secretId,
      version.versionId,
      version.versionNumber,
      version.comment,
      version.payloadForm,
      version.envelope,
      version.kmsKeyId,
      version.kmsKeyVersion,
    ],
  });
  return toVersion(only(rows));
}

/** Makes a version that was just inserted the secret's current one. */
export async function countNewVersion(
  tx: Tx,
  version: Pick<NewVersion, "workspaceId" | "secretId" | "versionNumber">,
): Promise<void> {
  await tx.query({
    name: "count_new_version",
    text: `update secret s set version_count = $3, enabled_version_count = s.enabled_version_count + 1,
        current_version = $3, revision = s.revision + 1, update_time = now()
      where s.workspace_id = $1 and s.secret_id = $2`,
    values: [version.workspaceId, version.secretId, version.versionNumber],
  });
}

/** Brings the counts of a secret in line with its versions and counts the change. */
export async function refreshVersionCounts(tx: Tx, secret: Pick<Secret, "workspaceId" | "secretId">): Promise<void> {
  await tx.query({
    name: "refresh_version_counts",
    text: `update secret s set
        enabled_version_count = c.enabled, current_version = c.current, revision = s.revision + 1, update_time = now()
      from (
        select count(*) as enabled, coalesce(max(v.version_number), 0) as current
        from secret_version v where v.workspace_id = $1 and v.secret_id = $2 and v.state = 'ENABLED'
      ) c
      where s.workspace_id = $1 and s.secret_id = $2`,
    values: [secret.workspaceId, secret.secretId],
  });
}

/** Sets the state and counts the change; a destroyed version loses its envelope, the wrapped key with it. */
export async function setVersionState(
  tx: Tx,
  version: Pick<SecretVersion, "workspaceId" | "secretId" | "versionNumber">,
  state: VersionState,
): Promise<SecretVersion> {
  const rows = await tx.query<VersionRow>({
    name: "set_version_state",
    text: `update secret_version v set
        state = $4, revision = v.revision + 1,
        envelope = case when $4 = 'DESTROYED' then null else v.envelope end,
        destroy_time = case when $4 = 'DESTROYED' then now() else v.destroy_time end
      where v.workspace_id = $1 and v.secret_id = $2 and v.version_number = $3
      returning ${versionColumns}`,
    values: [version.workspaceId, version.secretId, version.versionNumber, state],
  });
  return toVersion(only(rows));
}

/** Destroys every version that is not yet destroyed. */
export async function destroyVersions(tx: Tx, secret: Pick<Secret, "workspaceId" | "secretId">): Promise<void> {
  await tx.query({
    name: "destroy_versions",
    text: `update secret_version v set state = 'DESTROYED', envelope = null, destroy_time = now(), revision = v.revision + 1
      where v.workspace_id = $1 and v.secret_id = $2 and v.state <> 'DESTROYED'`,
    values: [secret.workspaceId, secret.secretId],
  });
}

/** Newest first: the next `limit` versions below `belowNumber`. */
export async function listVersions(
  sql: Sql,
  secret: Pick<Secret, "workspaceId" | "secretId">,
  query: { states: readonly VersionState[]; belowNumber: number; limit: number },
): Promise<SecretVersion[]> {
  const rows = await sql.query<VersionRow>({
    name: "list_versions",
    text: `select ${versionColumns} from secret_version v
      where v.workspace_id = $1 and v.secret_id = $2 and v.version_number < $3 and v.state = any ($4)
      order by v.version_number desc limit $5`,
    values: [secret.workspaceId, secret.secretId, query.belowNumber, query.states, query.limit],
  });
  return rows.map(toVersion);
}

/** A version with its ciphertext and what is needed to judge and open it. */
export interface SealedVersion {
  secret: Secret;
  /** Undefined when the secret has no such version. */
  version:
    | {
        versionNumber: number;
        versionId: string;
        state: VersionState;
        payloadForm: PayloadForm;
        envelope: Uint8Array | null;
        kmsKeyId: string;
        kmsKeyVersion: number;
      }
    | undefined;
  key: { kmsKeyId: string; state: KmsKeyState; algorithm: string; region: string; mac: Uint8Array } | undefined;
}

interface SealedRow extends SecretRow {
  v_number: number | null;
  v_id: string;
  v_state: VersionState;
  v_form: PayloadForm;
  v_envelope: Uint8Array | null;
  v_key_id: string;
  v_key_version: number;
  k_state: KmsKeyState | null;
  k_algorithm: string;
  k_region: string;
  k_mac: Uint8Array;
}

/** Loads an active secret's version in one statement. */
export async function loadSealedVersion(
  sql: Sql,
  grant: Grant<"versions.access">,
  secretRef: SecretRef,
  versionRef: VersionRef,
): Promise<SealedVersion | undefined> {
  const which =
    secretRef.by === "id"
      ? { name: "id", text: "s.secret_id = $3", values: [secretRef.secretId] }
      : {
          name: "path",
          text: "s.path = $3 and s.region = $4",
          values: [pathOf(secretRef.name), secretRef.region],
        };
  const number = numberExpression(versionRef);
  const rows = await sql.query<SealedRow>({
    name: `load_sealed_version_by_${which.name}_${versionRef.by}`,
    text: `select ${secretColumns},
        v.version_number as v_number, v.version_id as v_id, v.state as v_state, v.payload_form as v_form,
        v.envelope as v_envelope, v.kms_key_id as v_key_id, v.kms_key_version as v_key_version,
        k.state as k_state, k.algorithm as k_algorithm, k.region as k_region, k.mac as k_mac
      from secret s
      left join secret_version v on v.workspace_id = s.workspace_id and v.secret_id = s.secret_id
        and v.version_number = ${number.text}
      left join kms_key k on k.workspace_id = v.workspace_id and k.kms_key_id = v.kms_key_id
      where s.workspace_id = $1 and ${which.text} and ${isActive}`,
    values: [grant.workspaceId, number.value, ...which.values],
  });
  const row = firstOrUndefined(rows);
  return row && toSealedVersion(row);
}

// $2 is always used, so that the parameters have the same places in every statement.
function numberExpression(ref: VersionRef): { text: string; value: unknown } {
  switch (ref.by) {
    case "latest":
      return { text: "coalesce($2::integer, s.current_version)", value: null };
    case "number":
      return { text: "$2::integer", value: ref.versionNumber };
    case "alias":
      return { text: "(s.version_aliases ->> $2::text)::integer", value: ref.alias };
    case "id":
      return {
        text: `(select i.version_number from secret_version i
          where i.workspace_id = $1 and i.version_id = $2::text and i.secret_id = s.secret_id)`,
        value: ref.versionId,
      };
  }
}

function toSealedVersion(row: SealedRow): SealedVersion {
  return {
    secret: toSecret(row),
    version:
      row.v_number === null
        ? undefined
        : {
            versionNumber: row.v_number,
            versionId: row.v_id,
            state: row.v_state,
            payloadForm: row.v_form,
            envelope: row.v_envelope,
            kmsKeyId: row.v_key_id,
            kmsKeyVersion: row.v_key_version,
          },
    key:
      row.k_state === null
        ? undefined
        : {
            kmsKeyId: row.v_key_id,
            state: row.k_state,
            algorithm: row.k_algorithm,
            region: row.k_region,
            mac: row.k_mac,
          },
  };
}
