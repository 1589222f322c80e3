// ListNetworkEvents: lists the network log of a sandbox in pages.

import { codesWith, cursorOf, type EventPosition, type Verdict } from "../../domain/egress/network-log.ts";
import { sandboxNotFound } from "../../domain/egress/sandbox.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import type { Deps } from "../../runtime/deps.ts";
import { authorize } from "../../steps/authorize.ts";
import { type PlacedEvent, listNetworkEvents as readEvents } from "../../store/network-events.ts";
import { findSandbox } from "../../store/sandboxes.ts";

export interface ListNetworkEventsInput {
  sandboxId: string;
  before: EventPosition | undefined;
  since: string | undefined;
  /** Only tunnels with this result. */
  verdict: Verdict | undefined;
  limit: number;
}

/** Newest first. `nextCursor`: the start of the next page; undefined on the last page. Fails with SANDBOX_NOT_FOUND. */
export async function listNetworkEvents(
  { database }: Pick<Deps, "database">,
  caller: Caller,
  { sandboxId, before, since, verdict, limit }: ListNetworkEventsInput,
): Promise<{ items: PlacedEvent["event"][]; nextCursor: string | undefined }> {
  const { workspaceId } = authorize(caller, "egress.events");
  if (!(await findSandbox(database, workspaceId, sandboxId))) throw sandboxNotFound();
  const tunnelsWith = verdict && codesWith(verdict);
  const found = await readEvents(database, { workspaceId, sandboxId, before, since, tunnelsWith, limit: limit + 1 });
  const page = found.slice(0, limit);
  const last = page.at(-1);
  return {
    items: page.map(({ event }) => event),
    nextCursor: last && found.length > limit ? cursorOf(last.place) : undefined,
  };
}
