// Workspaces, and who is a member where.
import type { Unmatched } from "../domain/egress/sandbox.ts";
import type { Member, Tier, Workspace } from "../domain/workspace/workspace.ts";
import { firstOrUndefined, only } from "./connection/single-row.ts";
import type { Sql, Tx } from "./database.ts";

const columns =
  "workspace_id, display_name, tier, purge_retention_days, egress_unmatched, revision, create_time, update_time, mac";

interface WorkspaceRow {
  workspace_id: string;
  display_name: string;
  tier: Tier;
  purge_retention_days: number;
  egress_unmatched: Unmatched;
  revision: number;
  create_time: Date;
  update_time: Date;
  mac: Uint8Array | null;
}

/** A workspace as stored; its MAC covers `egress_unmatched`. */
export interface StoredWorkspace extends Workspace {
  /** Empty for a row that an earlier version of coffer has made. */
  mac: Uint8Array;
}

function toWorkspace(row: WorkspaceRow): StoredWorkspace {
  return {
    workspaceId: row.workspace_id,
    displayName: row.display_name,
    tier: row.tier,
    purgeRetentionDays: row.purge_retention_days,
    egressUnmatched: row.egress_unmatched,
    revision: row.revision,
    createTime: row.create_time,
    updateTime: row.update_time,
    mac: row.mac ?? new Uint8Array(),
  };
}

export async function insertWorkspace(
  tx: Tx,
  workspace: Pick<
    StoredWorkspace,
    "workspaceId" | "displayName" | "purgeRetentionDays" | "tier" | "egressUnmatched" | "mac"
  >,
): Promise<Workspace> {
  const rows = await tx.query<WorkspaceRow>({
    name: "insert_workspace",
    text: `insert into workspace (workspace_id, display_name, purge_retention_days, tier, egress_unmatched, mac)
      values ($1, $2, $3, $4, $5, $6) returning ${columns}`,
    values: [
      workspace.workspaceId,
      workspace.displayName,
      workspace.purgeRetentionDays,
      workspace.tier,
      workspace.egressUnmatched,
      workspace.mac,
    ],
  });
  return toWorkspace(only(rows));
}

/** Those of `workspaceIds` that exist, by id. */
export async function findWorkspaces(sql: Sql, workspaceIds: readonly string[]): Promise<Workspace[]> {
  const rows = await sql.query<WorkspaceRow>({
    name: "find_workspaces",
    text: `select ${columns} from workspace where workspace_id = any ($1) order by workspace_id collate "C"`,
    values: [workspaceIds],
  });
  return rows.map(toWorkspace);
}

/** How often the access rules of those of `workspaceIds` that exist have changed, by id. */
export async function findAccessRevisions(
  sql: Sql,
  workspaceIds: readonly string[],
): Promise<{ workspaceId: string; accessRevision: number }[]> {
  const rows = await sql.query<{ workspace_id: string; access_revision: number }>({
    name: "find_access_revisions",
    isLookup: true,
    text: `select workspace_id, access_revision from workspace
      where workspace_id = any ($1) order by workspace_id collate "C"`,
    values: [workspaceIds],
  });
  return rows.map((row) => ({ workspaceId: row.workspace_id, accessRevision: row.access_revision }));
}

/** Holds the row until the transaction ends. */
export async function lockWorkspace(tx: Tx, workspaceId: string): Promise<StoredWorkspace | undefined> {
  const rows = await tx.query<WorkspaceRow>({
    name: "lock_workspace",
    text: `select ${columns} from workspace where workspace_id = $1 for no key update`,
    values: [workspaceId],
  });
  const row = firstOrUndefined(rows);
  return row && toWorkspace(row);
}

/** Writes every mutable field and counts the change. */
export async function updateWorkspace(tx: Tx, workspace: StoredWorkspace): Promise<Workspace> {
  const rows = await tx.query<WorkspaceRow>({
    name: "update_workspace",
    text: `update workspace set
        display_name = $2, purge_retention_days = $3, tier = $4, egress_unmatched = $5, mac = $6, revision = revision + 1,
        update_time = clock_timestamp()
      where workspace_id = $1 returning ${columns}`,
    values: [
      workspace.workspaceId,
      workspace.displayName,
      workspace.purgeRetentionDays,
      workspace.tier,
      workspace.egressUnmatched,
      workspace.mac,
    ],
  });
  return toWorkspace(only(rows));
}

export async function isAnyWorkspaceThere(sql: Sql): Promise<boolean> {
  const rows = await sql.query({
    name: "is_any_workspace_there",
    text: "select 1 as found from workspace limit 1",
    values: [],
  });
  return rows.length > 0;
}

/** Of every workspace, by id. */
export async function listWorkspaceIds(sql: Sql): Promise<string[]> {
  const rows = await sql.query<{ workspace_id: string }>({
    name: "list_workspace_ids",
    text: `select workspace_id from workspace order by workspace_id collate "C"`,
    values: [],
  });
  return rows.map((row) => row.workspace_id);
}

/** A membership as stored; its mac covers all of it. */
export interface StoredMember extends Member {
  mac: Uint8Array;
}

export async function insertMember(tx: Tx, member: StoredMember): Promise<void> {
  await tx.query({
    name: "insert_member",
    text: "insert into workspace_member (workspace_id, principal_id, role, mac) values ($1, $2, $3, $4)",
    values: [member.workspaceId, member.principalId, member.role, member.mac],
  });
}

/** Lets one instance at a time make the first workspace. */
export async function lockBootstrap(tx: Tx): Promise<void> {
  await tx.query({ name: "lock_bootstrap", text: "lock table workspace in share row exclusive mode", values: [] });
}
