// What became of the requests that a secret was in, by the numbers of the events.
import type { Deps } from "../../deps.ts";
import type { Caller } from "../../domain/caller.ts";
import type { StoredEgressEvent } from "../../domain/egress/egress-event.ts";
import { listSecretEvents as readEvents, type SecretEventFilter } from "../../store/egress-events.ts";
import { authorize } from "../authorize.ts";

/** Newest first. */
export async function listSecretEvents(
  deps: Pick<Deps, "database">,
  caller: Caller,
  filter: Omit<SecretEventFilter, "workspaceId">,
): Promise<StoredEgressEvent[]> {
  const { workspaceId } = authorize(caller, "egress.events");
  return readEvents(deps.database, { ...filter, workspaceId });
}
