// Versions with their ciphertext: loaded in one statement with all that it takes to judge and open them.
import type { Grant } from "../domain/grant.ts";
import type { KmsKeyState } from "../domain/kms-key.ts";
import type { PayloadForm } from "../domain/payload.ts";
import type { Secret, SecretRef } from "../domain/secret.ts";
import { pathOf } from "../domain/secret-name.ts";
import type { VersionRef, VersionState } from "../domain/version.ts";
import type { Sql } from "./database.ts";
import type { StoredKmsKey } from "./kms-keys.ts";
import { firstOrUndefined, isActive, type SecretRow, secretColumns, toSecret } from "./rows.ts";

/** A version with its ciphertext and what is needed to judge and open it. */
export interface SealedVersion {
  secret: Secret;
  secretMac: Uint8Array;
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
        mac: Uint8Array;
      }
    | undefined;
  key: StoredKmsKey | undefined;
}

interface SealedRow extends SecretRow {
  s_mac: Uint8Array;
  v_number: number | null;
  v_id: string;
  v_state: VersionState;
  v_form: PayloadForm;
  v_envelope: Uint8Array | null;
  v_key_id: string;
  v_key_version: number;
  v_mac: Uint8Array;
  k_state: KmsKeyState | null;
  k_name: string;
  k_primary_version: number;
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
    text: `select ${secretColumns}, s.mac as s_mac,
        v.version_number as v_number, v.version_id as v_id, v.state as v_state, v.payload_form as v_form,
        v.envelope as v_envelope, v.kms_key_id as v_key_id, v.kms_key_version as v_key_version,
        v.mac as v_mac, k.name as k_name, k.primary_version as k_primary_version, k.state as k_state, k.algorithm as k_algorithm, k.region as k_region, k.mac as k_mac
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
    secretMac: row.s_mac,
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
            mac: row.v_mac,
          },
    key:
      row.k_state === null
        ? undefined
        : {
            workspaceId: row.workspace_id,
            kmsKeyId: row.v_key_id,
            name: row.k_name,
            primaryVersion: row.k_primary_version,
            state: row.k_state,
            algorithm: row.k_algorithm,
            region: row.k_region,
            mac: row.k_mac,
          },
  };
}
