// Secrets: find, lock, insert and change their rows.

import type { EgressRule } from "../domain/egress/egress-rule.ts";
import type { SecretRef } from "../domain/secret/secret.ts";
import { pathOf } from "../domain/secret-name.ts";
import { firstOrUndefined, only } from "./connection/single-row.ts";
import type { Sql, Tx } from "./database.ts";
import { insertedValues, insertText, type NewRow } from "./insert.ts";
import {
  clock,
  isActive,
  lockedText,
  type SecretRow,
  type StoredSecret,
  secretColumns,
  secretColumnsByClock,
  toSecret,
} from "./rows.ts";

/** A secret as it was at a time of the database's clock. */
export interface TimedSecret extends StoredSecret {
  readTime: Date;
}

interface TimedRow extends SecretRow {
  read_time: Date;
}

const timedColumns = `${secretColumns}, now() as read_time`;

function toTimed(row: TimedRow): TimedSecret {
  return { ...toSecret(row), readTime: row.read_time };
}

/** By id in any state until it is purged, by name only while active. */
export async function findSecret(sql: Sql, workspaceId: string, ref: SecretRef): Promise<TimedSecret | undefined> {
  const rows =
    ref.by === "id"
      ? await sql.query<TimedRow>({
          name: "find_secret_by_id",
          text: `select ${timedColumns} from secret s where s.workspace_id = $1 and s.secret_id = $2`,
          values: [workspaceId, ref.secretId],
        })
      : await sql.query<TimedRow>({
          name: "find_secret_by_path",
          text: `select ${timedColumns} from secret s
            where s.workspace_id = $1 and s.region = $2 and s.path = $3 and ${isActive}`,
          values: [workspaceId, ref.region, pathOf(ref.name)],
        });
  const row = firstOrUndefined(rows);
  return row && toTimed(row);
}

/** Holds the row until the transaction ends. */
export async function lockSecret(tx: Tx, workspaceId: string, secretId: string): Promise<TimedSecret | undefined> {
  const rows = await tx.query<TimedRow>({
    name: "lock_secret",
    text: lockedText(
      `${secretColumnsByClock}, t.at as read_time`,
      "s.workspace_id = $1 and s.secret_id = $2 for update of s",
    ),
    values: [workspaceId, secretId],
  });
  const row = firstOrUndefined(rows);
  return row && toTimed(row);
}

export interface NewSecret {
  workspaceId: string;
  secretId: string;
  region: string;
  name: string;
  kind: string;
  authMethod: string;
  description: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  mimeType: string;
  kmsKeyId: string;
  revealable: boolean;
  expireTime: Date | undefined;
  /** The time from which the expire time was computed; undefined: the time of the insert. */
  createTime: Date | undefined;
  credentialFields: Record<string, string>;
  /** As `policyText` writes it; undefined: none. */
  accessPolicyText: string | undefined;
  createdBy: string;
  /** Undefined: none. */
  egress: EgressRule | undefined;
  /** Covers where its value may be sent; undefined: nowhere. */
  egressMac: Uint8Array | undefined;
  /** Whether its credential is to be tried at the service it is for. */
  isValidated: boolean;
  /** Covers the columns that decide who gets which of its values. */
  rowMac: Uint8Array;
  /** Covers where its credential is sent; undefined for kinds that are no credentials. */
  credentialMac: Uint8Array | undefined;
}

/** As it is when it has its first version. */
export function newSecretRow(secret: NewSecret): NewRow {
  const { isValidated } = secret;
  return [
    ["workspace_id", "?::text", secret.workspaceId],
    ["secret_id", "?::text", secret.secretId],
    ["region", "?::text", secret.region],
    ["name", "?::text", secret.name],
    ["path", "?::text", pathOf(secret.name)],
    ["kind", "?::text", secret.kind],
    ["auth_method", "?::text", secret.authMethod],
    ["description", "?::text", secret.description],
    ["labels", "?::jsonb", JSON.stringify(secret.labels)],
    ["annotations", "?::jsonb", JSON.stringify(secret.annotations)],
    ["mime_type", "?::text", secret.mimeType],
    ["state", "'ACTIVE'"],
    ["version_aliases", "'{}'::jsonb"],
    ["version_count", "1"],
    ["enabled_version_count", "1"],
    ["current_version", "1"],
    ["kms_key_id", "?::text", secret.kmsKeyId],
    ["revealable", "?::boolean", secret.revealable],
    ["expire_time", "?::timestamptz", secret.expireTime ?? null],
    ["create_time", "coalesce(?::timestamptz, now())", secret.createTime ?? null],
    ["row_mac", "?::bytea", secret.rowMac],
    ["credential_fields", "?::jsonb", JSON.stringify(secret.credentialFields)],
    ["validation_state", "case when ?::boolean then 'UNSPECIFIED' end", isValidated],
    ["validate_after", "case when ?::boolean then now() end", isValidated],
    ["credential_mac", "?::bytea", secret.credentialMac ?? null],
    ["created_by", "?::text", secret.createdBy],
    ["access_policy", "?::text", secret.accessPolicyText ?? null],
    ["egress_rule", "?::jsonb", secret.egress ? JSON.stringify(secret.egress) : null],
    ["egress_mac", "?::bytea", secret.egressMac ?? null],
  ];
}

/** Inserts a secret that has its first version; a taken path violates `secret_active_path`. */
export async function insertSecret(tx: Tx, secret: NewSecret): Promise<StoredSecret> {
  const row = newSecretRow(secret);
  const rows = await tx.query<SecretRow>({
    name: "insert_secret",
    text: `${insertText("secret as s", row)} returning ${secretColumns}`,
    values: insertedValues(row),
  });
  return toSecret(only(rows));
}

/** Updates the description, path, aliases and expire time of a secret with their MAC, and increments the revision. */
export async function updateSecret(tx: Tx, secret: StoredSecret): Promise<StoredSecret> {
  const rows = await tx.query<SecretRow>({
    name: "update_secret",
    text: `update secret s set
        name = $3, path = $4, description = $5, labels = $6, annotations = $7, mime_type = $8, version_aliases = $9,
        expire_time = $10, row_mac = $11, revision = s.revision + 1, update_time = t.at
      from ${clock} where s.workspace_id = $1 and s.secret_id = $2
      returning ${secretColumnsByClock}`,
    values: [
      secret.workspaceId,
      secret.secretId,
      secret.name,
      secret.path,
      secret.description,
      JSON.stringify(secret.labels),
      JSON.stringify(secret.annotations),
      secret.mimeType,
      JSON.stringify(secret.versionAliases),
      secret.expireTime ?? null,
      secret.rowMac,
    ],
  });
  return toSecret(only(rows));
}

/**
 * Soft-deletes a locked secret. It is purged after the workspace's retention, or at once if its versions are destroyed: then its
 * purge_time is its delete_time, so that it can never be undeleted.
 */
export async function softDeleteSecret(
  tx: Tx,
  secret: Pick<StoredSecret, "workspaceId" | "secretId" | "currentVersion" | "rowMac">,
  options: { purgeAtOnce: boolean },
): Promise<StoredSecret> {
  const rows = await tx.query<SecretRow>({
    name: "soft_delete_secret",
    text: `update secret s set
        state = 'SOFT_DELETED', delete_time = coalesce(s.delete_time, t.at),
        purge_time = case when $3 then coalesce(s.delete_time, t.at) else t.at + (
          select make_interval(days => w.purge_retention_days) from workspace w where w.workspace_id = $1
        ) end,
        enabled_version_count = case when $3 then 0 else s.enabled_version_count end, current_version = $4, row_mac = $5,
        revision = s.revision + 1, update_time = t.at
      from ${clock} where s.workspace_id = $1 and s.secret_id = $2
      returning ${secretColumnsByClock}`,
    values: [secret.workspaceId, secret.secretId, options.purgeAtOnce, secret.currentVersion, secret.rowMac],
  });
  return toSecret(only(rows));
}

/** Makes a locked secret active again with its name, path and expire_time, and increments the revision. */
export async function undeleteSecret(
  tx: Tx,
  secret: Pick<StoredSecret, "workspaceId" | "secretId" | "name" | "path" | "expireTime" | "rowMac">,
): Promise<StoredSecret> {
  const rows = await tx.query<SecretRow>({
    name: "undelete_secret",
    text: `update secret s set
        state = 'ACTIVE', name = $3, path = $4, delete_time = null, purge_time = null, expire_time = $5, row_mac = $6,
        revision = s.revision + 1, update_time = t.at
      from ${clock} where s.workspace_id = $1 and s.secret_id = $2
      returning ${secretColumnsByClock}`,
    values: [secret.workspaceId, secret.secretId, secret.name, secret.path, secret.expireTime ?? null, secret.rowMac],
  });
  return toSecret(only(rows));
}

/** Notes when values were last returned; times never go back. */
export async function touchAccessed(sql: Sql, secrets: { workspaceId: string; secretId: string }[]): Promise<void> {
  await sql.query({
    name: "touch_accessed",
    text: `update secret s set last_accessed_time = now()
      from unnest($1::text[], $2::text[]) as t (workspace_id, secret_id)
      where s.workspace_id = t.workspace_id and s.secret_id = t.secret_id`,
    values: [secrets.map((secret) => secret.workspaceId), secrets.map((secret) => secret.secretId)],
  });
}
