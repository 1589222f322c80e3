// How many keys each region has.

import type { Caller } from "../../domain/workspace/caller.ts";
import type { Deps } from "../../runtime/deps.ts";
import { authorize } from "../../steps/authorize.ts";
import { countKeysByState } from "../../store/count-keys.ts";

export interface KeyCounts {
  region: string;
  active: number;
  disabled: number;
  pendingDestruction: number;
}

/** For every configured region, in their order; destroyed keys do not count. */
export async function countKeys(deps: Pick<Deps, "database" | "regions">, caller: Caller): Promise<KeyCounts[]> {
  const { workspaceId } = authorize(caller, "keys.list");
  const counts = await countKeysByState(deps.database, workspaceId);
  return deps.regions.map((region) => {
    const inState = (state: string) => counts.find((row) => row.region === region && row.state === state)?.count ?? 0;
    return {
      region,
      active: inState("ACTIVE"),
      disabled: inState("DISABLED"),
      pendingDestruction: inState("PENDING_DESTRUCTION"),
    };
  });
}
