// Reads and signs credentials that were stored before credentials had MACs.
import type { Sql } from "./database.ts";

export interface CredentialRow {
  workspaceId: string;
  secretId: string;
  kind: string;
  /** Empty: credentials had no methods then. */
  authMethod: string;
  credentialFields: Record<string, string>;
}

/** Returns the next `limit` credentials after the id `after`, by id; "" for the first. */
export async function findCredentials(sql: Sql, after: string, limit: number): Promise<CredentialRow[]> {
  const rows = await sql.query<{
    workspace_id: string;
    secret_id: string;
    kind: string;
    credential_fields: Record<string, string>;
  }>({
    name: "find_credentials",
    text: `select s.workspace_id, s.secret_id, s.kind, s.credential_fields from secret s
      where s.validation_state is not null and s.secret_id > $1
      order by s.secret_id limit $2`,
    values: [after, limit],
  });
  return rows.map((row) => ({
    workspaceId: row.workspace_id,
    secretId: row.secret_id,
    kind: row.kind,
    authMethod: "",
    credentialFields: row.credential_fields,
  }));
}

export async function setCredentialMacs(
  sql: Sql,
  secrets: readonly { workspaceId: string; secretId: string; mac: Uint8Array }[],
): Promise<void> {
  await sql.query({
    name: "set_credential_macs",
    text: `update secret s set credential_mac = t.mac
      from unnest($1::text[], $2::text[], $3::bytea[]) as t (workspace_id, secret_id, mac)
      where s.workspace_id = t.workspace_id and s.secret_id = t.secret_id`,
    values: [
      secrets.map(({ workspaceId }) => workspaceId),
      secrets.map(({ secretId }) => secretId),
      secrets.map(({ mac }) => Buffer.from(mac)),
    ],
  });
}
