// The certificate authorities of workspaces: one each, its key sealed.

import { firstOrUndefined } from "./connection/single-row.ts";
import type { Sql } from "./database.ts";

export interface StoredEgressCa {
  workspaceId: string;
  caId: string;
  /** PEM. */
  certificate: string;
  envelope: Uint8Array;
  kmsKeyId: string;
  kmsKeyVersion: number;
  mac: Uint8Array;
}

interface EgressCaRow {
  workspace_id: string;
  ca_id: string;
  certificate: string;
  envelope: Uint8Array;
  kms_key_id: string;
  kms_key_version: number;
  mac: Uint8Array;
}

export async function findEgressCa(sql: Sql, workspaceId: string): Promise<StoredEgressCa | undefined> {
  const rows = await sql.query<EgressCaRow>({
    name: "find_egress_ca",
    text: `select c.workspace_id, c.ca_id, c.certificate, c.envelope, c.kms_key_id, c.kms_key_version, c.mac
      from egress_ca c where c.workspace_id = $1`,
    values: [workspaceId],
  });
  const row = firstOrUndefined(rows);
  return (
    row && {
      workspaceId: row.workspace_id,
      caId: row.ca_id,
      certificate: row.certificate,
      envelope: row.envelope,
      kmsKeyId: row.kms_key_id,
      kmsKeyVersion: row.kms_key_version,
      mac: row.mac,
    }
  );
}

/** Writes the first one of a workspace, or takes the place of `instead`; of several at once one stays. */
export async function putEgressCa(sql: Sql, ca: StoredEgressCa, instead: string | undefined): Promise<void> {
  await sql.query({
    name: "put_egress_ca",
    text: `insert into egress_ca as c (workspace_id, ca_id, certificate, envelope, kms_key_id, kms_key_version, mac)
      values ($1, $2, $3, $4, $5, $6, $7)
      on conflict (workspace_id) do update set ca_id = excluded.ca_id, certificate = excluded.certificate,
        envelope = excluded.envelope, kms_key_id = excluded.kms_key_id, kms_key_version = excluded.kms_key_version,
        mac = excluded.mac, create_time = now()
      where c.ca_id = $8`,
    values: [
      ca.workspaceId,
      ca.caId,
      ca.certificate,
      ca.envelope,
      ca.kmsKeyId,
      ca.kmsKeyVersion,
      ca.mac,
      instead ?? null,
    ],
  });
}
