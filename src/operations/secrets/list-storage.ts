// Lists credentials of cloud storage: what the caller may list and read of them.
import type { Caller } from "../../domain/caller.ts";
import type { Secret } from "../../domain/secret.ts";
import { listStorageSecrets as readSecrets } from "../../store/list-storage-secrets.ts";
import { authenticOnly, type ListDeps } from "./authentic-only.ts";
import { regionOf } from "./region.ts";
import { authorizeList } from "./visible.ts";

/** In the default region, by name. */
export async function listStorageSecrets(
  deps: ListDeps,
  caller: Caller,
  page: { limit: number; offset: number },
): Promise<Secret[]> {
  const { workspaceId, visible } = authorizeList(caller);
  const secrets = await readSecrets(deps.database, { workspaceId, region: regionOf(deps, "") }, visible, page);
  return authenticOnly(deps, caller, secrets);
}
