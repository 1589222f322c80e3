// Reads and writes workspaces and memberships.
import type { Workspace } from "../domain/workspace/workspace.ts";
import { firstOrUndefined, only } from "./connection/single-row.ts";
import type { Sql, Tx } from "./database.ts";
import { type DriverRow, select } from "./rows/select.ts";
import { propertiesBut } from "./rows/table.ts";
import { type StoredWorkspace, workspaceTable } from "./rows/workspace.ts";
import { memberTable, type StoredMember } from "./rows/workspace-member.ts";
import { write } from "./rows/write.ts";

const stored = select(workspaceTable, propertiesBut(workspaceTable));
const inserted = propertiesBut(workspaceTable, "revision", "createTime", "updateTime");
const newWorkspaces = write(workspaceTable, inserted);

export async function insertWorkspace(
  tx: Tx,
  workspace: Pick<StoredWorkspace, (typeof inserted)[number]>,
): Promise<Workspace> {
  const rows = await tx.query<DriverRow>({
    name: "insert_workspace",
    text: `${newWorkspaces.insert()} returning ${stored.sql}`,
    values: newWorkspaces.values(workspace),
  });
  return stored.read(only(rows));
}

/** Returns the workspaces of `workspaceIds` that exist, by id. */
export async function findWorkspaces(sql: Sql, workspaceIds: readonly string[]): Promise<Workspace[]> {
  const rows = await sql.query<DriverRow>({
    name: "find_workspaces",
    text: `select ${stored.sql} from workspace w where w.workspace_id = any ($1) order by w.workspace_id collate "C"`,
    values: [workspaceIds],
  });
  return rows.map(stored.read);
}

/** Returns how often the access rules of these workspaces have changed, by id, for those that exist. */
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

/** Locks the row until the transaction ends. */
export async function lockWorkspace(tx: Tx, workspaceId: string): Promise<StoredWorkspace | undefined> {
  const rows = await tx.query<DriverRow>({
    name: "lock_workspace",
    text: `select ${stored.sql} from workspace w where w.workspace_id = $1 for no key update`,
    values: [workspaceId],
  });
  const row = firstOrUndefined(rows);
  return row && stored.read(row);
}

const updated = write(workspaceTable, ["displayName", "purgeRetentionDays", "tier", "egressUnmatched", "mac"]);

/** Writes every mutable column and increments the revision. */
export async function updateWorkspace(tx: Tx, workspace: StoredWorkspace): Promise<Workspace> {
  const rows = await tx.query<DriverRow>({
    name: "update_workspace",
    text: `update workspace w set ${updated.assign(2)}, revision = w.revision + 1, update_time = clock_timestamp()
      where w.workspace_id = $1 returning ${stored.sql}`,
    values: [workspace.workspaceId, ...updated.values(workspace)],
  });
  return stored.read(only(rows));
}

export async function isAnyWorkspaceThere(sql: Sql): Promise<boolean> {
  const rows = await sql.query({
    name: "is_any_workspace_there",
    text: "select 1 as found from workspace limit 1",
    values: [],
  });
  return rows.length > 0;
}

/** Returns the ids of all workspaces in their order. */
export async function listWorkspaceIds(sql: Sql): Promise<string[]> {
  const rows = await sql.query<{ workspace_id: string }>({
    name: "list_workspace_ids",
    text: `select workspace_id from workspace order by workspace_id collate "C"`,
    values: [],
  });
  return rows.map((row) => row.workspace_id);
}

const newMembers = write(memberTable, propertiesBut(memberTable));

export async function insertMember(tx: Tx, member: StoredMember): Promise<void> {
  await tx.query({ name: "insert_member", text: newMembers.insert(), values: newMembers.values(member) });
}

/** Lets one instance at a time create the first workspace. */
export async function lockBootstrap(tx: Tx): Promise<void> {
  await tx.query({ name: "lock_bootstrap", text: "lock table workspace in share row exclusive mode", values: [] });
}
