// Idempotency records: written in the transaction of the change, never with a body or a value.

import { firstOrUndefined, only } from "./connection/single-row.ts";
import type { Sql, Tx } from "./database.ts";
import { insertedValues, insertText, type NewRow } from "./insert.ts";

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

export interface IdempotencyClaim {
  scope: IdempotencyScope;
  record: IdempotencyRecord;
}

export function newClaimRow({ scope, record }: IdempotencyClaim): NewRow {
  return [
    ["workspace_id", "?::text", scope.workspaceId],
    ["principal_id", "?::text", scope.principalId],
    ["method", "?::text", scope.method],
    ["key", "?::text", scope.key],
    ["fingerprint", "?::bytea", record.fingerprint],
    ["fingerprint_key_version", "?::integer", record.fingerprintKeyVersion],
    ["resource_type", "?::text", record.resourceType],
    ["resource_id", "?::text", record.resourceId],
  ];
}

/** Follows the INSERT of a claim: a row comes back when the key was free. Waits for another transaction that is claiming it. */
export const unlessClaimed = "on conflict do nothing returning key";

/** Says whether the key was free. */
export async function claimIdempotencyKey(tx: Tx, claim: IdempotencyClaim): Promise<boolean> {
  const row = newClaimRow(claim);
  const rows = await tx.query({
    name: "claim_idempotency_key",
    text: `${insertText("idempotency", row)} ${unlessClaimed}`,
    values: insertedValues(row),
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

/** A time as Postgres writes it, to the microsecond. */
export type SweptUntil = string;

/**
 * Deletes at most `limit` rows older than 24 hours, the oldest first. `from` is `until` of the previous batch: the index keeps deleted
 * entries until a vacuum, and the next batch need not read them again.
 */
export async function sweepIdempotencyRecords(
  tx: Tx,
  limit: number,
  from: SweptUntil | undefined,
): Promise<{ count: number; until: SweptUntil | undefined }> {
  // The statistics may be missing or outdated, so force the index, which has the right order.
  await tx.query({ name: "sweep_by_index", text: "set local enable_seqscan = off", values: [] });
  await tx.query({ name: "sweep_in_order", text: "set local enable_sort = off", values: [] });
  const rows = await tx.query<{ count: number; until: string | null }>({
    name: "sweep_idempotency_records",
    text: `with outdated as (
        select i.ctid as place, i.create_time from idempotency i
        where ${isOutdated} and i.create_time >= coalesce($2::timestamptz, '-infinity')
        order by i.create_time limit $1 for update skip locked
      ), removed as (
        delete from idempotency i where i.ctid = any (array(select o.place from outdated o)) returning i.create_time
      )
      select count(*) as count, max(r.create_time)::text as until from removed r`,
    values: [limit, from ?? null],
  });
  const { count, until } = only(rows);
  return { count, until: until ?? undefined };
}
