// Rewraps versions under the primary version of their key, in passes along all versions of a workspace.
import type { KmsKey } from "../domain/key/kms-key.ts";
import type { PayloadForm } from "../domain/secret/payload.ts";
import type { SecretVersion } from "../domain/secret/version.ts";
import { firstOrUndefined, only } from "./connection/single-row.ts";
import type { Sql, Tx } from "./database.ts";
import { keyColumns, type StoredKmsKeyRecord, toKeyRecord } from "./kms-key-records.ts";
import type { DriverRow } from "./rows/select.ts";

const isDue = "k.rewrap_after <= now() and k.state = 'ACTIVE'";
/** A version of a workspace `v`, of key $2, that its primary version $3 does not wrap. */
const isLeft = "(v.kms_key_id = $2 and v.kms_key_version < $3 and v.envelope is not null)";

/** Returns whether any workspace has such a key. */
export async function isRewrapDue(sql: Sql): Promise<boolean> {
  const rows = await sql.query<{ due: boolean }>({
    name: "is_rewrap_due",
    text: `select exists (select from kms_key k where ${isDue}) as due`,
    values: [],
  });
  return only(rows).due;
}

/** The position of a version in the order of the primary key. */
export type VersionPosition = Pick<SecretVersion, "secretId" | "versionNumber">;

export interface KeyToRewrap extends StoredKmsKeyRecord {
  /** The pass continues after this version; undefined: it begins. */
  after: VersionPosition | undefined;
}

/** Locks the key that has waited longest. Skips locked rows. */
export async function lockKeyToRewrap(tx: Tx): Promise<KeyToRewrap | undefined> {
  const rows = await tx.query<DriverRow & { rewrap_secret_id: string | null; rewrap_version_number: number | null }>({
    name: "lock_key_to_rewrap",
    text: `select ${keyColumns}, k.rewrap_secret_id, k.rewrap_version_number from kms_key k where ${isDue}
      order by k.rewrap_after limit 1 for no key update skip locked`,
    values: [],
  });
  const row = firstOrUndefined(rows);
  if (!row) return undefined;
  const { rewrap_secret_id: secretId, rewrap_version_number: versionNumber } = row;
  const after = secretId === null || versionNumber === null ? undefined : { secretId, versionNumber };
  return { ...toKeyRecord(row), after };
}

/** Counts the next `limit` versions of the workspace under any key, and those of them that are left, and returns the last of them. */
export async function walkVersions(
  tx: Tx,
  { workspaceId, kmsKeyId, primaryVersion, after }: KeyToRewrap,
  limit: number,
): Promise<{ walked: number; left: number; last: VersionPosition | undefined }> {
  const rows = await tx.query<{ walked: number; left: number; secret_id: string | null; version_number: number }>({
    name: "walk_versions",
    text: `with w as (
        select v.secret_id, v.version_number, ${isLeft} as is_left from secret_version v
        where v.workspace_id = $1 and (v.secret_id, v.version_number) > ($4, $5)
        order by v.secret_id, v.version_number limit $6
      )
      select count(*)::integer as walked, (count(*) filter (where w.is_left))::integer as left,
        (array_agg(w.secret_id order by w.secret_id desc, w.version_number desc))[1] as secret_id,
        (array_agg(w.version_number order by w.secret_id desc, w.version_number desc))[1] as version_number
      from w`,
    values: [workspaceId, kmsKeyId, primaryVersion, after?.secretId ?? "", after?.versionNumber ?? 0, limit],
  });
  const { walked, left, secret_id: secretId, version_number: versionNumber } = only(rows);
  return { walked, left, last: secretId === null ? undefined : { secretId, versionNumber } };
}

/** A version to rewrap. */
export interface VersionToRewrap extends VersionPosition {
  kmsKeyVersion: number;
  payloadForm: PayloadForm;
  envelope: Uint8Array;
}

/** Locks those that are left, after `key.after` up to `last`. Skips locked rows. */
export async function lockVersionsToRewrap(
  tx: Tx,
  { workspaceId, kmsKeyId, primaryVersion, after }: KeyToRewrap,
  last: VersionPosition,
): Promise<VersionToRewrap[]> {
  const rows = await tx.query<{
    secret_id: string;
    version_number: number;
    kms_key_version: number;
    payload_form: PayloadForm;
    envelope: Uint8Array;
  }>({
    name: "lock_versions_to_rewrap",
    text: `select v.secret_id, v.version_number, v.kms_key_version, v.payload_form, v.envelope from secret_version v
      where v.workspace_id = $1 and ${isLeft} and (v.secret_id, v.version_number) > ($4, $5)
        and (v.secret_id, v.version_number) <= ($6, $7)
      for no key update skip locked`,
    values: [
      ...[workspaceId, kmsKeyId, primaryVersion],
      ...[after?.secretId ?? "", after?.versionNumber ?? 0, last.secretId, last.versionNumber],
    ],
  });
  return rows.map((row) => ({
    secretId: row.secret_id,
    versionNumber: row.version_number,
    kmsKeyVersion: row.kms_key_version,
    payloadForm: row.payload_form,
    envelope: row.envelope,
  }));
}

export interface RewrappedVersion extends VersionPosition {
  /** The envelope that is replaced. */
  old: Uint8Array;
  envelope: Uint8Array;
}

/** Replaces envelopes that are still the same, and returns how many. Etags stay the same: callers see no change. */
export async function replaceEnvelopes(
  tx: Tx,
  { workspaceId, kmsKeyId, primaryVersion }: Pick<KmsKey, "workspaceId" | "kmsKeyId" | "primaryVersion">,
  versions: readonly RewrappedVersion[],
): Promise<number> {
  const rows = await tx.query({
    name: "replace_envelopes",
    text: `update secret_version v set envelope = d.envelope, kms_key_version = $3
      from unnest($4::text[], $5::integer[], $6::bytea[], $7::bytea[]) as d (secret_id, version_number, envelope, old)
      where v.workspace_id = $1 and v.secret_id = d.secret_id and v.version_number = d.version_number
        and v.kms_key_id = $2 and v.envelope = d.old
      returning v.version_number`,
    values: [
      ...[workspaceId, kmsKeyId, primaryVersion],
      versions.map(({ secretId }) => secretId),
      versions.map(({ versionNumber }) => versionNumber),
      versions.map(({ envelope }) => Buffer.from(envelope)),
      versions.map(({ old }) => Buffer.from(old)),
    ],
  });
  return rows.length;
}

/** Returns how many are left. Reads all versions of the workspace. */
export async function countVersionsToRewrap(
  sql: Sql,
  { workspaceId, kmsKeyId, primaryVersion }: Pick<KmsKey, "workspaceId" | "kmsKeyId" | "primaryVersion">,
): Promise<number> {
  const rows = await sql.query<{ count: number }>({
    name: "count_versions_to_rewrap",
    text: `select count(*)::integer as count from secret_version v where v.workspace_id = $1 and ${isLeft}`,
    values: [workspaceId, kmsKeyId, primaryVersion],
  });
  return only(rows).count;
}
