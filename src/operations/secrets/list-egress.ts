// Lists the secrets with egress rules that the caller may list and read.

import type { Secret } from "../../domain/secret/secret.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import { authenticOnly, type ListDeps } from "../../steps/secrets/authentic-only.ts";
import { regionOf } from "../../steps/secrets/region.ts";
import { authorizeList } from "../../steps/secrets/visible.ts";
import { listEgressSecrets as readSecrets } from "../../store/list-egress-secrets.ts";

/** Returns those of the default region, newest first. */
export async function listEgressSecrets(deps: ListDeps, caller: Caller): Promise<Secret[]> {
  const { workspaceId, visible } = authorizeList(caller);
  const secrets = await readSecrets(deps.database, { workspaceId, region: regionOf(deps, "") }, visible);
  return authenticOnly(deps, caller, secrets);
}
