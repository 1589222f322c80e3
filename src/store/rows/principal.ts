// The row of a principal. Its MAC covers the name by which statements of access policies mean it; principals known by a JWT have none.
import type { Principal } from "../../domain/workspace/workspace.ts";
import { oneOf, text } from "./column-types.ts";
import { covered, mac, type RowOf, table, uncovered } from "./table.ts";

export const principalTable = table(
  "principal",
  "p",
  { mac: { name: "principal", version: 1 } },
  {
    principalId: covered("principal_id", text, "mac"),
    displayName: covered("display_name", text, "mac"),
    kind: uncovered("shown", "kind", oneOf<Principal["kind"]>()),
    mac: mac(),
  },
  { create_time: "shown" },
);

export type StoredPrincipal = RowOf<typeof principalTable.columns>;
