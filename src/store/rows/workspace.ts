// The row of a workspace. Its MAC covers whether sandboxes may reach hosts of no bound secret.
import type { Unmatched } from "../../domain/egress/sandbox.ts";
import type { Tier } from "../../domain/workspace/workspace.ts";
import { integer, oneOf, text, time } from "./column-types.ts";
import { covered, mac, type RowOf, table, uncovered } from "./table.ts";

export const workspaceTable = table(
  "workspace",
  "w",
  { mac: { name: "workspace", version: 1 } },
  {
    workspaceId: covered("workspace_id", text, "mac"),
    egressUnmatched: covered("egress_unmatched", oneOf<Unmatched>(), "mac"),
    displayName: uncovered("shown", "display_name", text),
    tier: uncovered("quota", "tier", oneOf<Tier>()),
    purgeRetentionDays: uncovered("schedule", "purge_retention_days", integer),
    revision: uncovered("etag", "revision", integer),
    createTime: uncovered("shown", "create_time", time),
    updateTime: uncovered("shown", "update_time", time),
    mac: mac(),
  },
  { access_revision: "hint" },
);

export type StoredWorkspace = RowOf<typeof workspaceTable.columns>;
