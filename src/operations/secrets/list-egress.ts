// Lists secrets with egress rules: what the caller may list and read of them.
import type { Caller } from "../../domain/caller.ts";
import type { Secret } from "../../domain/secret.ts";
import { listEgressSecrets as readSecrets } from "../../store/list-egress-secrets.ts";
import { authenticOnly, type ListDeps } from "./authentic-only.ts";
import { regionOf } from "./region.ts";
import { authorizeList } from "./visible.ts";

/** In the default region, newest first. */
export async function listEgressSecrets(deps: ListDeps, caller: Caller): Promise<Secret[]> {
  const { workspaceId, visible } = authorizeList(caller);
  const secrets = await readSecrets(deps.database, { workspaceId, region: regionOf(deps, "") }, visible);
  return authenticOnly(deps, caller, secrets);
}
