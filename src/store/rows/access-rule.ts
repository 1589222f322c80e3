// The row of an access rule. Its MAC covers everything that decides what the rule allows.
import type { AccessRule } from "../../domain/access/access-rule.ts";
import type { Role } from "../../domain/access/permission.ts";
import { oneOf, optional, text, texts, time } from "./column-types.ts";
import { covered, mac, type RowOf, table, uncovered } from "./table.ts";

export const accessRuleTable = table(
  "access_rule",
  "r",
  { mac: { name: "access_rule", version: 1 } },
  {
    workspaceId: covered("workspace_id", text, "mac"),
    ruleId: covered("rule_id", text, "mac"),
    principalId: covered("principal_id", optional(text), "mac"),
    role: covered("role", optional(oneOf<Role>()), "mac"),
    region: covered("region", optional(text), "mac"),
    permissions: covered("permissions", texts, "mac"),
    pathPatterns: covered("path_patterns", texts, "mac"),
    note: uncovered("shown", "note", text),
    createTime: uncovered("shown", "create_time", time),
    mac: mac(),
  },
  { source_secret_id: "schedule" },
);

type AccessRuleRow = RowOf<typeof accessRuleTable.columns>;

export interface StoredAccessRule extends AccessRule {
  mac: Uint8Array;
}

/** A rule in the domain has one subject instead of two columns. */
export function toAccessRule({ principalId, role, ...rest }: AccessRuleRow): StoredAccessRule {
  return { ...rest, subject: role === undefined ? { principalId: principalId ?? "" } : { role } };
}

export function subjectColumns({ subject }: Pick<AccessRule, "subject">): Pick<AccessRuleRow, "principalId" | "role"> {
  return "role" in subject
    ? { principalId: undefined, role: subject.role }
    : { principalId: subject.principalId, role: undefined };
}
