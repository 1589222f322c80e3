// Idempotency records: written in the transaction of the change, never with a body or a value.
import type { Sql, Tx } from "./database.ts";
import { firstOrUndefined, only } from "./rows.ts";

export interface IdempotencyScope {
  workspaceId: string;
  principalId: string;
  method: string;
  key: string;
}

/** What a key stands for. */
export interface IdempotencyRecord {
  fingerprint: Uint8Array;
  fingerprintKeyVersion: number;
  resourceType: string;
  resourceId: string;
}

/** Says whether the key was free. Waits for another transaction that is claiming it. */
export async function claimIdempotencyKey(
  tx: Tx,
  scope: IdempotencyScope,
  record: IdempotencyRecord,
): Promise<boolean> {
  const rows = await tx.query({
    name: "claim_idempotency_key",
    text: `insert into idempotency (
        workspace_id, principal_id, method, key, fingerprint, fingerprint_key_version, resource_type, resource_id)
      values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict do nothing returning key`,
    values: [
      scope.workspaceId,
      scope.principalId,
      scope.method,
      scope.key,
      record.fingerprint,
      record.fingerprintKeyVersion,
      record.resourceType,
      record.resourceId,
    ],
  });
  return rows.length === 1;
}

export async function findIdempotencyRecord(sql: Sql, scope: IdempotencyScope): Promise<IdempotencyRecord | undefined> {
  const rows = await sql.query<{
    fingerprint: Uint8Array;
    fingerprint_key_version: number;
    resource_type: string;
    resource_id: string;
  }>({
    name: "find_idempotency_record",
    text: `select fingerprint, fingerprint_key_version, resource_type, resource_id from idempotency
      where workspace_id = $1 and principal_id = $2 and method = $3 and key = $4`,
    values: [scope.workspaceId, scope.principalId, scope.method, scope.key],
  });
  const row = firstOrUndefined(rows);
  return (
    row && {
      fingerprint: row.fingerprint,
      fingerprintKeyVersion: row.fingerprint_key_version,
      resourceType: row.resource_type,
      resourceId: row.resource_id,
    }
  );
}

// What callers are promised, at the least.
const isOutdated = "i.create_time < now() - interval '24 hours'";

/** Looks in every workspace, by the database's clock. */
export async function isSweepDue(sql: Sql): Promise<boolean> {
  const rows = await sql.query<{ due: boolean }>({
    name: "is_sweep_due",
    text: `select exists (select from idempotency i where ${isOutdated}) as due`,
    values: [],
  });
  return only(rows).due;
}

/** Removes at most `limit` records older than 24 hours, the oldest first, and says how many. */
export async function sweepIdempotencyRecords(tx: Tx, limit: number): Promise<number> {
  const rows = await tx.query({
    name: "sweep_idempotency_records",
    text: `with outdated as (
        select i.workspace_id, i.principal_id, i.method, i.key from idempotency i where ${isOutdated}
        order by i.create_time limit $1 for update skip locked
      )
      delete from idempotency i using outdated o
      where i.workspace_id = o.workspace_id and i.principal_id = o.principal_id and i.method = o.method and i.key = o.key
      returning i.key`,
    values: [limit],
  });
  return rows.length;
}
