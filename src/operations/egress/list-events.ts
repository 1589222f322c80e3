// ListEgressEvents: lists the events of the proxy in pages, newest first.

import type { StoredEgressEvent } from "../../domain/egress/egress-event.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import type { Deps } from "../../runtime/deps.ts";
import { authorize } from "../../steps/authorize.ts";
import { pageSizeOf, readPage, readPageToken } from "../../steps/page-token.ts";
import { listEgressEvents as readEvents } from "../../store/egress-events.ts";

export interface ListEgressEventsInput {
  /** Empty: any. */
  secretId: string;
  /** Empty: any. */
  sandboxId: string;
  /** The start is included, the end is not. */
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
