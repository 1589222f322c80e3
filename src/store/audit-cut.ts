// The time before which retention dropped events of the audit trail.

import { firstOrUndefined } from "./connection/single-row.ts";
import type { Sql, Tx } from "./database.ts";

export interface AuditCut {
  beforeTime: Date;
  mac: Uint8Array;
}

export async function findAuditCut(sql: Sql): Promise<AuditCut | undefined> {
  const rows = await sql.query<{ before_time: Date; mac: Uint8Array }>({
    name: "find_audit_cut",
    text: "select before_time, mac from audit_cut",
    values: [],
  });
  const row = firstOrUndefined(rows);
  return row && { beforeTime: row.before_time, mac: row.mac };
}

export async function putAuditCut(tx: Tx, { beforeTime, mac }: AuditCut): Promise<void> {
  await tx.query({
    name: "put_audit_cut",
    text: `insert into audit_cut (before_time, mac) values ($1, $2)
      on conflict (singleton) do update set before_time = excluded.before_time, mac = excluded.mac`,
    values: [beforeTime, mac],
  });
}
