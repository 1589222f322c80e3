// Lists the credentials of cloud storage that the caller may list and read.

import type { Secret } from "../../domain/secret/secret.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import { authenticOnly, type ListDeps } from "../../steps/secrets/authentic-only.ts";
import { regionOf } from "../../steps/secrets/region.ts";
import { authorizeList } from "../../steps/secrets/visible.ts";
import { listStorageSecrets as readSecrets } from "../../store/list-storage-secrets.ts";

/** Returns those of the default region, by name. */
export async function listStorageSecrets(
  deps: ListDeps,
  caller: Caller,
  page: { limit: number; offset: number },
): Promise<Secret[]> {
  const { workspaceId, visible } = authorizeList(caller);
  const secrets = await readSecrets(deps.database, { workspaceId, region: regionOf(deps, "") }, visible, page);
  return authenticOnly(deps, caller, secrets);
}
