// FollowAuditEvents: returns every event of the audit trail to a client that calls again with the cursor of the previous answer.

import { advance, type Bounds, firstBounds, type Horizon } from "../../domain/audit/event-horizon.ts";
import { invalidField } from "../../domain/error/errors.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import type { Deps } from "../../runtime/deps.ts";
import { authorize } from "../../steps/authorize.ts";
import { pageSizeOf, readPageToken, writePageToken } from "../../steps/page-token.ts";
import { readHorizon } from "../../store/event-horizon.ts";
import { type EventWindow, followAuditEvents as readEvents } from "../../store/follow-audit-events.ts";
import type { AuditPosition, StoredAuditEvent } from "../../store/list-audit-events.ts";
import { checkTime } from "./list.ts";

export interface FollowAuditEventsInput {
  /** Empty in the first call. */
  cursor: string;
  /** Microseconds since 1970; only without a cursor. */
  startTimeUs: number | undefined;
  pageSize: number;
}

export interface FollowedEvents {
  events: StoredAuditEvent[];
  cursor: string;
  /** There were no more events to read. */
  isCaughtUp: boolean;
}

/** The position of a follower: in a window, or after the last one. */
interface Position {
  bounds: Bounds;
  /** Undefined after the last window, whose transactions have lower numbers than `fromXact`. */
  window: Omit<EventWindow, "workspaceId"> | undefined;
  fromXact: number;
  above: AuditPosition | undefined;
}

// The clock of the database may go back a little, for example after a fail-over.
const clockSlackUs = 10_000_000;

/** Fails with FIELD_INVALID. */
export async function followAuditEvents(
  deps: Pick<Deps, "database">,
  caller: Caller,
  { cursor, startTimeUs, pageSize: asked }: FollowAuditEventsInput,
): Promise<FollowedEvents> {
  const { workspaceId } = authorize(caller, "audit.read");
  checkTime(startTimeUs, "start_time");
  if (cursor !== "" && startTimeUs !== undefined) throw invalidField("start_time", "must not be set with a cursor");
  const query = { follow: workspaceId };
  const seen = await readHorizon(deps.database);
  const position = positionOf(readPageToken(query, cursor, 12, "cursor")) ?? {
    ...{ fromXact: 0, window: undefined, above: undefined },
    bounds: firstBounds(seen),
  };
  if (position.bounds.next.xact > seen.next) throw otherDatabase();
  const { window, bounds } = position.window
    ? { window: position.window, bounds: position.bounds }
    : nextWindow(position, seen, startTimeUs ?? 0);
  const pageSize = pageSizeOf(asked);
  const events = await readEvents(deps.database, { workspaceId, ...window }, position.above, pageSize + 1);
  const page = events.slice(0, pageSize);
  const isCaughtUp = events.length <= pageSize;
  const last = page.at(-1);
  const next: Position = isCaughtUp
    ? { bounds, window: undefined, fromXact: window.toXact, above: undefined }
    : { bounds, window, fromXact: window.fromXact, above: last };
  return { events: page, cursor: writePageToken(query, partsOf(next)), isCaughtUp };
}

/** Returns the window of all transactions that have ended since the last window, and the new bounds. */
function nextWindow({ fromXact, bounds }: Position, seen: Horizon, startTimeUs: number) {
  const fromTimeUs = fromXact === 0 ? startTimeUs : Math.max(0, bounds.low.timeUs - clockSlackUs);
  const window = { fromTimeUs, fromXact, toXact: seen.endedBelow, foreignXact: seen.next };
  return { window, bounds: advance(bounds, seen) };
}

function otherDatabase() {
  const why =
    "is not from this database, which was restored from an older copy; begin again without a cursor and with start_time";
  return invalidField("cursor", why);
}

function partsOf({ bounds: { low, next }, window, fromXact, above }: Position): string[] {
  const numbers = [low.xact, low.timeUs, next.xact, next.timeUs, fromXact];
  const open = window ? [window.fromTimeUs, window.fromXact, window.toXact, window.foreignXact] : [0, 0, 0, 0];
  return [...numbers, ...open, window ? 1 : 0]
    .map(String)
    .concat(String(above?.eventTimeUs ?? 0), above?.eventId ?? "");
}

/** Callers can forge a cursor. It then shows only events that the caller may read anyway. */
function positionOf(parts: string[] | undefined): Position | undefined {
  if (!parts) return undefined;
  const eventId = parts.at(-1) ?? "";
  const numbers = parts.slice(0, -1).map((part) => (/^\d{1,16}$/.test(part) ? Number(part) : Number.NaN));
  if (!numbers.every(Number.isSafeInteger))
    throw invalidField("cursor", "must be the next_cursor of an earlier answer");
  const [lowXact = 0, lowUs = 0, nextXact = 0, nextUs = 0, fromXact = 0, ...more] = numbers;
  const [fromTimeUs = 0, windowFrom = 0, toXact = 0, foreignXact = 0, isOpen = 0, eventTimeUs = 0] = more;
  return {
    bounds: { low: { xact: lowXact, timeUs: lowUs }, next: { xact: nextXact, timeUs: nextUs } },
    window: isOpen === 1 ? { fromTimeUs, fromXact: windowFrom, toXact, foreignXact } : undefined,
    fromXact,
    above: eventId === "" ? undefined : { eventTimeUs, eventId },
  };
}
