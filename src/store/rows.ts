// Rows as they come from Postgres, turned into domain types.
import { readPolicyText } from "../domain/access/access-policy.ts";
import type { ValidationState } from "../domain/credential/validation.ts";
import type { EgressRule } from "../domain/egress/egress-rule.ts";
import type { Secret, SecretState } from "../domain/secret/secret.ts";
import type { SecretVersion } from "../domain/secret/version.ts";

/**
 * The current time as `t.at`, the same in the whole statement. Use it in transactions that may have waited for a lock: now() is the time
 * at which the transaction began.
 */
export const clock = "(select clock_timestamp() as at) t";

/** SQL that locks the rows of `secret s` that `condition` selects, and then reads them, with the time after the wait as `t.at`. */
export function lockedText(columns: string, condition: string): string {
  // Postgres may compute the columns of a row before it waits for the row's lock, so the time is read outside.
  return `with locked as materialized (select s.* from secret s where ${condition})
    select ${columns} from locked s cross join lateral (select clock_timestamp() as at where s.secret_id is not null) t`;
}

function isActiveAt(time: string): string {
  return `(s.state = 'ACTIVE' and (s.expire_time is null or s.expire_time > ${time}))`;
}

/** A secret in use, for statements that wait for no lock. */
export const isActive = isActiveAt("now()");

/** A secret in use at the time `t.at`. */
export const isActiveByClock = isActiveAt("t.at");

/** The columns of `secret s` that make a Secret, for statements that wait for no lock. */
export const secretColumns = columnsAt("now()");

/** The columns of `secret s` that make a Secret at the time `t.at`. */
export const secretColumnsByClock = columnsAt("t.at");

function columnsAt(time: string): string {
  // An active secret counts as deleted after its expire_time, by the database's clock, even before a job stores that.
  const expired = `(s.state = 'ACTIVE' and s.expire_time <= ${time})`;
  return `
  s.workspace_id, s.secret_id, s.region, s.name, s.path, s.kind, s.auth_method, s.description, s.labels, s.annotations, s.mime_type,
  case when ${expired} then 'SOFT_DELETED' else s.state end as state,
  s.version_aliases, s.version_count, s.enabled_version_count, s.current_version, s.kms_key_id, s.revealable, s.revision,
  s.create_time, s.update_time,
  case when ${expired} then s.expire_time else s.delete_time end as delete_time,
  case when ${expired} then s.expire_time + (
    select make_interval(days => w.purge_retention_days) from workspace w where w.workspace_id = s.workspace_id
  ) else s.purge_time end as purge_time,
  s.expire_time, s.last_accessed_time, s.created_by, s.credential_fields, s.access_policy, s.state as stored_state, s.row_mac,
  s.egress_rule, s.last_used_time,
  case when s.validation_version = s.current_version then s.validation_state
    when s.validation_state is not null then 'UNSPECIFIED' end as validation_state,
  case when s.validation_version = s.current_version then s.validate_time end as validate_time,
  case when s.validation_version = s.current_version then s.validation_error else '' end as validation_error`;
}

/** For lists that do not show annotations, which may be 16 KiB each. */
export const secretColumnsWithoutAnnotations = secretColumns.replace("s.annotations,", "'{}'::jsonb as annotations,");

export interface SecretRow {
  workspace_id: string;
  secret_id: string;
  region: string;
  name: string;
  path: string;
  kind: string;
  auth_method: string;
  description: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  mime_type: string;
  state: Secret["state"];
  version_aliases: Record<string, number>;
  version_count: number;
  enabled_version_count: number;
  current_version: number;
  kms_key_id: string;
  revealable: boolean;
  revision: number;
  create_time: Date;
  update_time: Date;
  delete_time: Date | null;
  purge_time: Date | null;
  expire_time: Date | null;
  last_accessed_time: Date | null;
  created_by: string | null;
  credential_fields: Record<string, string>;
  access_policy: string | null;
  stored_state: SecretState;
  row_mac: Uint8Array | null;
  egress_rule: EgressRule | null;
  last_used_time: Date | null;
  validation_state: ValidationState | null;
  validate_time: Date | null;
  validation_error: string;
}

/** A secret and the other columns that its row's MAC covers. Check that MAC before you use it for a decision. */
export interface StoredSecret extends Secret {
  /** The stored state: ACTIVE until the expiry is stored. */
  storedState: SecretState;
  /** Undefined: no policy. */
  accessPolicyText: string | undefined;
  /** Empty for a row that coffer has not written: such a row does not authenticate. */
  rowMac: Uint8Array;
}

export function toSecret(row: SecretRow): StoredSecret {
  return {
    workspaceId: row.workspace_id,
    secretId: row.secret_id,
    region: row.region,
    name: row.name,
    path: row.path,
    kind: row.kind,
    authMethod: row.auth_method,
    description: row.description,
    labels: row.labels,
    annotations: row.annotations,
    mimeType: row.mime_type,
    state: row.state,
    versionAliases: row.version_aliases,
    versionCount: row.version_count,
    enabledVersionCount: row.enabled_version_count,
    currentVersion: row.current_version,
    kmsKeyId: row.kms_key_id,
    revealable: row.revealable,
    revision: row.revision,
    createTime: row.create_time,
    updateTime: row.update_time,
    deleteTime: row.delete_time ?? undefined,
    purgeTime: row.purge_time ?? undefined,
    expireTime: row.expire_time ?? undefined,
    lastAccessedTime: row.last_accessed_time ?? undefined,
    createdBy: row.created_by ?? undefined,
    credentialFields: row.credential_fields,
    accessPolicy: readPolicyText(row.access_policy),
    accessPolicyText: row.access_policy ?? undefined,
    storedState: row.stored_state,
    rowMac: row.row_mac ?? new Uint8Array(),
    egress: row.egress_rule ?? undefined,
    lastUsedTime: row.last_used_time ?? undefined,
    validation:
      row.validation_state === null
        ? undefined
        : {
            state: row.validation_state,
            validateTime: row.validate_time ?? undefined,
            error: row.validation_error,
          },
  };
}

/** The columns of `secret_version v` that make a SecretVersion. */
export const versionColumns = `
  v.workspace_id, v.secret_id, v.version_id, v.version_number, v.state, v.comment, v.payload_form, v.revision, v.kms_key_id,
  v.kms_key_version, v.create_time, v.destroy_time, v.scheduled_destroy_time, v.last_accessed_time, v.vault_connection_id, v.mac`;

export interface VersionRow {
  workspace_id: string;
  secret_id: string;
  version_id: string;
  version_number: number;
  state: SecretVersion["state"];
  comment: string;
  payload_form: SecretVersion["payloadForm"];
  revision: number;
  kms_key_id: string;
  kms_key_version: number;
  create_time: Date;
  destroy_time: Date | null;
  scheduled_destroy_time: Date | null;
  vault_connection_id: string | null;
  last_accessed_time: Date | null;
  mac: Uint8Array;
}

/** A version as stored; its mac covers its state. */
export interface StoredVersion extends SecretVersion {
  mac: Uint8Array;
}

export function toVersion(row: VersionRow): StoredVersion {
  return {
    workspaceId: row.workspace_id,
    secretId: row.secret_id,
    versionId: row.version_id,
    versionNumber: row.version_number,
    state: row.state,
    vaultConnectionId: row.vault_connection_id ?? undefined,
    comment: row.comment,
    payloadForm: row.payload_form,
    revision: row.revision,
    kmsKeyId: row.kms_key_id,
    kmsKeyVersion: row.kms_key_version,
    createTime: row.create_time,
    destroyTime: row.destroy_time ?? undefined,
    scheduledDestroyTime: row.scheduled_destroy_time ?? undefined,
    lastAccessedTime: row.last_accessed_time ?? undefined,
    mac: row.mac,
  };
}
