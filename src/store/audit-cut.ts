// Reads and writes the time up to which retention removed audit events.

import { firstOrUndefined } from "./connection/single-row.ts";
import type { Sql, Tx } from "./database.ts";
import { type AuditCut, auditCutTable } from "./rows/audit-cut.ts";
import { type DriverRow, select } from "./rows/select.ts";
import { propertiesBut } from "./rows/table.ts";
import { write } from "./rows/write.ts";

const properties = propertiesBut(auditCutTable);
const stored = select(auditCutTable, properties);
const newCuts = write(auditCutTable, properties);

export async function findAuditCut(sql: Sql): Promise<AuditCut | undefined> {
  const rows = await sql.query<DriverRow>({
    name: "find_audit_cut",
    text: `select ${stored.sql} from audit_cut c`,
    values: [],
  });
  const row = firstOrUndefined(rows);
  return row && stored.read(row);
}

export async function putAuditCut(tx: Tx, cut: AuditCut): Promise<void> {
  await tx.query({
    name: "put_audit_cut",
    text: `${newCuts.insert()} on conflict (singleton) do update set ${newCuts.replace}`,
    values: newCuts.values(cut),
  });
}
