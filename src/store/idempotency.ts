// Claims, finds and deletes idempotency keys. A claim is written with its change and holds no body and no value.

import { firstOrUndefined, only } from "./connection/single-row.ts";
import type { Sql, Tx } from "./database.ts";
import { bytes, integer, text } from "./rows/column-types.ts";
import { type DriverRow, select } from "./rows/select.ts";
import { propertiesBut, table, uncovered } from "./rows/table.ts";
import { write } from "./rows/write.ts";

export interface IdempotencyScope {
  workspaceId: string;
  principalId: string;
  method: string;
  key: string;
}

/** The request that used a key, and the resource that it made. */
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

const claimTable = table(
  "idempotency",
  "i",
  {},
  {
    workspaceId: uncovered("replay", "workspace_id", text),
    principalId: uncovered("replay", "principal_id", text),
    method: uncovered("replay", "method", text),
    key: uncovered("replay", "key", text),
    fingerprint: uncovered("replay", "fingerprint", bytes),
    fingerprintKeyVersion: uncovered("replay", "fingerprint_key_version", integer),
    resourceType: uncovered("replay", "resource_type", text),
    resourceId: uncovered("replay", "resource_id", text),
  },
  { create_time: "replay" },
);

export const newClaims = write(claimTable, propertiesBut(claimTable));

export function claimRow({ scope, record }: IdempotencyClaim): IdempotencyScope & IdempotencyRecord {
  return { ...scope, ...record };
}

const storedRecord = select(claimTable, ["fingerprint", "fingerprintKeyVersion", "resourceType", "resourceId"]);

/** Ends the INSERT of a claim. The INSERT waits for another transaction that claims the key, and inserts no row if the key is taken. */
export const unlessClaimed = "on conflict do nothing";

/** Returns whether the key was free. */
export async function claimIdempotencyKey(tx: Tx, claim: IdempotencyClaim): Promise<boolean> {
  const rows = await tx.query({
    name: "claim_idempotency_key",
    text: `${newClaims.insert()} ${unlessClaimed} returning key`,
    values: newClaims.values(claimRow(claim)),
  });
  return rows.length === 1;
}

export async function findIdempotencyRecord(sql: Sql, scope: IdempotencyScope): Promise<IdempotencyRecord | undefined> {
  const rows = await sql.query<DriverRow>({
    name: "find_idempotency_record",
    text: `select ${storedRecord.sql} from idempotency i
      where i.workspace_id = $1 and i.principal_id = $2 and i.method = $3 and i.key = $4`,
    values: [scope.workspaceId, scope.principalId, scope.method, scope.key],
  });
  const row = firstOrUndefined(rows);
  return row && storedRecord.read(row);
}

// Callers may rely on a key for 24 hours.
const isOutdated = "i.create_time < now() - interval '24 hours'";

/** Returns whether any workspace has an outdated key, by the database's clock. */
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
