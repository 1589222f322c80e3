// Reads and signs rows that an earlier version of coffer wrote without the MACs of this version.
import type { Unmatched } from "../domain/egress/sandbox.ts";
import type { Sql } from "./database.ts";
import { type CoveredSecret, type StoredSecret, secretTable } from "./rows/secret.ts";
import { type DriverRow, select } from "./rows/select.ts";

// This list must not grow: the migration that signs rows runs before later migrations add columns.
const signedColumns = select(secretTable, [
  ...(["workspaceId", "secretId", "region", "name", "path", "storedState", "expireTime", "currentVersion"] as const),
  ...(["versionCount", "versionAliases", "kmsKeyId", "revealable", "accessPolicyText"] as const),
]);

/** A secret with the MAC that the earlier version gave it. Columns of later migrations are absent, which the MAC reads as unset. */
export type UnsignedSecret = CoveredSecret & { earlierMac: Uint8Array };

/** The end of a page. */
export type SecretPosition = Pick<StoredSecret, "workspaceId" | "secretId">;

/** Returns the next `limit` secrets without a MAC after `after`, by primary key. */
export async function findUnsignedSecrets(sql: Sql, after: SecretPosition, limit: number): Promise<UnsignedSecret[]> {
  const rows = await sql.query<DriverRow & { mac: Uint8Array | null }>({
    name: "find_unsigned_secrets",
    text: `select ${signedColumns.sql}, s.mac from secret s
      where s.row_mac is null and (s.workspace_id, s.secret_id) > ($1, $2)
      order by s.workspace_id, s.secret_id limit $3`,
    values: [after.workspaceId, after.secretId, limit],
  });
  return rows.map((row) => {
    const secret = signedColumns.read(row) as CoveredSecret;
    return { ...secret, earlierMac: row.mac ?? new Uint8Array() };
  });
}

export async function signSecrets(
  sql: Sql,
  secrets: readonly Pick<StoredSecret, "workspaceId" | "secretId" | "rowMac">[],
): Promise<void> {
  await sql.query({
    name: "sign_secrets",
    text: `update secret s set row_mac = t.row_mac
      from unnest($1::text[], $2::text[], $3::bytea[]) as t (workspace_id, secret_id, row_mac)
      where s.workspace_id = t.workspace_id and s.secret_id = t.secret_id`,
    values: [
      secrets.map(({ workspaceId }) => workspaceId),
      secrets.map(({ secretId }) => secretId),
      secrets.map(({ rowMac }) => Buffer.from(rowMac)),
    ],
  });
}

export interface UnsignedWorkspace {
  workspaceId: string;
  egressUnmatched: Unmatched;
}

export async function findUnsignedWorkspaces(sql: Sql): Promise<UnsignedWorkspace[]> {
  const rows = await sql.query<{ workspace_id: string; egress_unmatched: Unmatched }>({
    name: "find_unsigned_workspaces",
    text: "select w.workspace_id, w.egress_unmatched from workspace w where w.mac is null",
    values: [],
  });
  return rows.map((row) => ({ workspaceId: row.workspace_id, egressUnmatched: row.egress_unmatched }));
}

export async function signWorkspaces(
  sql: Sql,
  workspaces: readonly { workspaceId: string; mac: Uint8Array }[],
): Promise<void> {
  await sql.query({
    name: "sign_workspaces",
    text: `update workspace w set mac = t.mac from unnest($1::text[], $2::bytea[]) as t (workspace_id, mac)
      where w.workspace_id = t.workspace_id`,
    values: [workspaces.map(({ workspaceId }) => workspaceId), workspaces.map(({ mac }) => Buffer.from(mac))],
  });
}
