// The columns that the MAC of a secret's row covers, for statements that read them together with other rows.
import type { SecretState } from "../domain/secret/secret.ts";
import type { StoredSecret } from "./rows.ts";

/** The columns that decide who gets which value of a secret, and their MAC. */
export type SecretGuard = Pick<
  StoredSecret,
  | "workspaceId"
  | "secretId"
  | "region"
  | "name"
  | "path"
  | "storedState"
  | "expireTime"
  | "currentVersion"
  | "versionCount"
  | "versionAliases"
  | "kmsKeyId"
  | "revealable"
  | "accessPolicyText"
  | "rowMac"
>;

/** The columns of `secret s` that make a SecretGuard, together with the ids. */
export const guardColumns = `s.region as s_region, s.name as s_name, s.path as s_path, s.state as s_state, s.expire_time as s_expire_time,
  s.current_version as s_current_version, s.version_count as s_version_count, s.version_aliases as s_version_aliases,
  s.kms_key_id as s_kms_key_id, s.revealable as s_revealable, s.access_policy as s_access_policy, s.row_mac as s_row_mac`;

export interface GuardRow {
  s_region: string;
  s_name: string;
  s_path: string;
  s_state: SecretState;
  s_expire_time: Date | null;
  s_current_version: number;
  s_version_count: number;
  s_version_aliases: Record<string, number>;
  s_kms_key_id: string;
  s_revealable: boolean;
  s_access_policy: string | null;
  s_row_mac: Uint8Array | null;
}

export function toSecretGuard(workspaceId: string, secretId: string, row: GuardRow): SecretGuard {
  return {
    workspaceId,
    secretId,
    region: row.s_region,
    name: row.s_name,
    path: row.s_path,
    storedState: row.s_state,
    expireTime: row.s_expire_time ?? undefined,
    currentVersion: row.s_current_version,
    versionCount: row.s_version_count,
    versionAliases: row.s_version_aliases,
    kmsKeyId: row.s_kms_key_id,
    revealable: row.s_revealable,
    accessPolicyText: row.s_access_policy ?? undefined,
    rowMac: row.s_row_mac ?? new Uint8Array(),
  };
}
