// Locks the tier of a workspace, and counts what its quota limits.
import type { Tier } from "../domain/workspace/workspace.ts";
import { clock } from "./clock.ts";
import { firstOrUndefined, only } from "./connection/single-row.ts";
import type { Sql, Tx } from "./database.ts";
import { isActiveByClock } from "./rows/secret.ts";

/** A workspace without a quota. It needs no lock. */
const isUnlimited = "tier = 'ENTERPRISE'";

/** Returns a FROM clause that has one row if the workspace has no quota; `workspaceId` is an expression. */
export function unlimitedText(workspaceId: string): string {
  return `from workspace where workspace_id = ${workspaceId} and ${isUnlimited}`;
}

/** Locks the workspace until the transaction ends and returns its tier; undefined without a lock if it has no quota. */
export async function lockLimitedTier(tx: Tx, workspaceId: string): Promise<Tier | undefined> {
  const rows = await tx.query<{ tier: Tier }>({
    name: "lock_limited_tier",
    text: `select tier from workspace where workspace_id = $1 and not (${isUnlimited}) for no key update`,
    values: [workspaceId],
  });
  return firstOrUndefined(rows)?.tier;
}

export async function countActiveSecrets(sql: Sql, workspaceId: string): Promise<number> {
  const rows = await sql.query<{ count: number }>({
    name: "count_active_secrets",
    text: `select count(*)::integer as count from secret s, ${clock} where s.workspace_id = $1 and ${isActiveByClock}`,
    values: [workspaceId],
  });
  return only(rows).count;
}

export async function countVaultConnections(sql: Sql, workspaceId: string): Promise<number> {
  const rows = await sql.query<{ count: number }>({
    name: "count_vault_connections",
    text: "select count(*)::integer as count from vault_connection where workspace_id = $1",
    values: [workspaceId],
  });
  return only(rows).count;
}
