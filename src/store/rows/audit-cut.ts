// The row that says up to which time retention removed audit events. Its MAC tells retention from any other deletion.
import { time } from "./column-types.ts";
import { covered, mac, type RowOf, table } from "./table.ts";

export const auditCutTable = table(
  "audit_cut",
  "c",
  { mac: { name: "audit_cut", version: 1 } },
  { beforeTime: covered("before_time", time, "mac"), mac: mac() },
  { singleton: "singleton" },
);

export type AuditCut = RowOf<typeof auditCutTable.columns>;
