// ListSecretEvents: lists the egress events of a secret, by their numbers.

import type { StoredEgressEvent } from "../../domain/egress/egress-event.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import type { Deps } from "../../runtime/deps.ts";
import { authorize } from "../../steps/authorize.ts";
import { listSecretEvents as readEvents, type SecretEventFilter } from "../../store/egress-events.ts";

/** Newest first. */
export async function listSecretEvents(
  deps: Pick<Deps, "database">,
  caller: Caller,
  filter: Omit<SecretEventFilter, "workspaceId">,
): Promise<StoredEgressEvent[]> {
  const { workspaceId } = authorize(caller, "egress.events");
  return readEvents(deps.database, { ...filter, workspaceId });
}
