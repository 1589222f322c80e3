// Reads one version with its ciphertext for coffer's own use: no caller gets its value.
import type { Grant } from "../domain/access/grant.ts";
import { firstOrUndefined } from "./connection/single-row.ts";
import type { Sql } from "./database.ts";
import { findKmsKey } from "./kms-keys.ts";
import { type SealedVersion, sealedVersionProperties } from "./read-values.ts";
import { isActive, selectGuard } from "./rows/secret.ts";
import { versionTable } from "./rows/secret-version.ts";
import { type DriverRow, select } from "./rows/select.ts";

const guard = selectGuard({ prefix: "s_" });
const sealedVersion = select(versionTable, sealedVersionProperties);

/** Returns undefined if there is no such active secret or version. Record the audit event before you open it. */
export function readSealedVersionForUse(
  sql: Sql,
  { workspaceId }: Grant<"secrets.use">,
  secretId: string,
  versionNumber: number,
): Promise<SealedVersion | undefined> {
  return readSealed(sql, { name: "read_sealed_version_for_use", condition: "" }, workspaceId, secretId, versionNumber);
}

/** The same for versions that are references. A reference says where a value is; it is not the value. */
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
  const rows = await sql.query<DriverRow>({
    name,
    text: `select ${guard.sql}, ${sealedVersion.sql}
      from secret s
      join secret_version v on v.workspace_id = s.workspace_id and v.secret_id = s.secret_id and v.version_number = $3
      where s.workspace_id = $1 and s.secret_id = $2 and ${isActive} ${condition}`,
    values: [workspaceId, secretId, versionNumber],
  });
  const row = firstOrUndefined(rows);
  if (!row) return undefined;
  const version = sealedVersion.read(row);
  return {
    secret: guard.read(row),
    // Coffer uses the value itself, so there is no caller for the access policy to check.
    policyTime: undefined,
    version,
    key: await findKmsKey(sql, workspaceId, { kmsKeyId: version.kmsKeyId }),
    isRecorded: false,
  };
}
