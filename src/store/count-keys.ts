// Counts the keys of a workspace by region and state.
import type { KmsKeyState } from "../domain/key/kms-key.ts";
import type { Sql } from "./database.ts";

export interface KeyCount {
  region: string;
  state: KmsKeyState;
  count: number;
}

/** Regions and states without keys are left out. */
export function countKeysByState(sql: Sql, workspaceId: string): Promise<KeyCount[]> {
  return sql.query<KeyCount>({
    name: "count_keys_by_state",
    text: `select k.region, k.state, count(*)::integer as count from kms_key k
      where k.workspace_id = $1 group by k.region, k.state`,
    values: [workspaceId],
  });
}
