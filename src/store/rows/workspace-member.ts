// The row of a membership. Its MAC covers the role.
import type { Role } from "../../domain/access/permission.ts";
import { oneOf, text } from "./column-types.ts";
import { covered, mac, type RowOf, table } from "./table.ts";

export const memberTable = table(
  "workspace_member",
  "m",
  { mac: { name: "workspace_member", version: 1 } },
  {
    workspaceId: covered("workspace_id", text, "mac"),
    principalId: covered("principal_id", text, "mac"),
    role: covered("role", oneOf<Role>(), "mac"),
    mac: mac(),
  },
  { create_time: "shown" },
);

export type StoredMember = RowOf<typeof memberTable.columns>;
