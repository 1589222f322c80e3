// Lists secrets with egress rules: what the caller may list and read of them.
import type { Deps } from "../../deps.ts";
import type { Caller } from "../../domain/caller.ts";
import type { Secret } from "../../domain/secret.ts";
import { listEgressSecrets as readSecrets } from "../../store/list-egress-secrets.ts";
import { regionOf } from "./region.ts";
import { authorizeList } from "./visible.ts";

/** In the default region, newest first. */
export async function listEgressSecrets(deps: Pick<Deps, "database" | "regions">, caller: Caller): Promise<Secret[]> {
  const { workspaceId, visible } = authorizeList(caller);
  return readSecrets(deps.database, { workspaceId, region: regionOf(deps, "") }, visible);
}
