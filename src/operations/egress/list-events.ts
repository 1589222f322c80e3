// ListEgressEvents: pages of what the proxy let through and refused, newest first.

import type { StoredEgressEvent } from "../../domain/egress/egress-event.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import type { Deps } from "../../runtime/deps.ts";
import { authorize } from "../../steps/authorize.ts";
import { pageSizeOf, readPage, readPageToken } from "../../steps/page-token.ts";
import { listEgressEvents as readEvents } from "../../store/egress-events.ts";

export interface ListEgressEventsInput {
  /** Any when empty. */
  secretId: string;
  /** Any when empty. */
  sandboxId: string;
  /** From the first up to and without the second. */
  statuses: readonly [number, number] | undefined;
  pageSize: number;
  pageToken: string;
}

/** Fails with FIELD_INVALID. */
export async function listEgressEvents(
  deps: Pick<Deps, "database">,
  caller: Caller,
  input: ListEgressEventsInput,
): Promise<{ items: StoredEgressEvent[]; nextPageToken: string }> {
  const { workspaceId } = authorize(caller, "egress.events");
  const { statuses } = input;
  const filter = {
    workspaceId,
    secretId: input.secretId || undefined,
    sandboxId: input.sandboxId || undefined,
    statuses,
  };
  return readPage({
    pageSize: pageSizeOf(input.pageSize),
    query: filter,
    position: readPageToken(filter, input.pageToken, 1),
    positionOf: (last) => [last.eventId],
    read: (position, limit) => readEvents(deps.database, filter, position?.[0], limit),
  });
}
