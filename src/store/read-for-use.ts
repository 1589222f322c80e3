// Reads one version with its ciphertext, for uses in which its value is shown to no caller of coffer.
import type { Grant } from "../domain/access/grant.ts";
import type { PayloadForm } from "../domain/secret/payload.ts";
import type { VersionState } from "../domain/secret/version.ts";
import { firstOrUndefined } from "./connection/single-row.ts";
import type { Sql } from "./database.ts";
import { findKmsKey } from "./kms-keys.ts";
import type { SealedVersion } from "./read-values.ts";
import { isActive } from "./rows.ts";
import { type GuardRow, guardColumns, toSecretGuard } from "./secret-guard.ts";

interface SealedRow extends GuardRow {
  version_id: string;
  state: VersionState;
  payload_form: PayloadForm;
  envelope: Uint8Array | null;
  kms_key_id: string;
  kms_key_version: number;
  mac: Uint8Array;
  vault_connection_id: string | null;
}

/** Undefined where there is no such active secret, or no such version of it. Whoever opens it records it first. */
export function readSealedVersionForUse(
  sql: Sql,
  { workspaceId }: Grant<"secrets.use">,
  secretId: string,
  versionNumber: number,
): Promise<SealedVersion | undefined> {
  return readSealed(sql, { name: "read_sealed_version_for_use", condition: "" }, workspaceId, secretId, versionNumber);
}

/** Only of a version that is a reference: what that says tells how to ask for a value, and is none. */
export function readSealedReference(
  sql: Sql,
  { workspaceId }: Grant<"versions.read">,
  secretId: string,
  versionNumber: number,
): Promise<SealedVersion | undefined> {
  const statement = { name: "read_sealed_reference", condition: "and v.payload_form = 'reference'" };
  return readSealed(sql, statement, workspaceId, secretId, versionNumber);
}

async function readSealed(
  sql: Sql,
  { name, condition }: { name: string; condition: string },
  workspaceId: string,
  secretId: string,
  versionNumber: number,
): Promise<SealedVersion | undefined> {
  const rows = await sql.query<SealedRow>({
    name,
    text: `select ${guardColumns},
        v.version_id, v.state, v.payload_form, v.envelope, v.kms_key_id, v.kms_key_version, v.mac, v.vault_connection_id
      from secret s
      join secret_version v on v.workspace_id = s.workspace_id and v.secret_id = s.secret_id and v.version_number = $3
      where s.workspace_id = $1 and s.secret_id = $2 and ${isActive} ${condition}`,
    values: [workspaceId, secretId, versionNumber],
  });
  const row = firstOrUndefined(rows);
  if (!row) return undefined;
  const { kms_key_id: kmsKeyId } = row;
  return {
    secret: toSecretGuard(workspaceId, secretId, row),
    // Coffer's own use: nobody calls from anywhere.
    judgeTime: undefined,
    version: {
      versionId: row.version_id,
      versionNumber,
      state: row.state,
      kmsKeyId,
      kmsKeyVersion: row.kms_key_version,
      payloadForm: row.payload_form,
      envelope: row.envelope,
      mac: row.mac,
      vaultConnectionId: row.vault_connection_id ?? undefined,
    },
    key: await findKmsKey(sql, workspaceId, { kmsKeyId }),
    isRecorded: false,
  };
}
