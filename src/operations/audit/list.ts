// ListAuditEvents: pages of the audit trail, newest first.

import { checkAll, invalidField } from "../../domain/error/errors.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import type { Deps } from "../../runtime/deps.ts";
import { authorize } from "../../steps/authorize.ts";
import { pageSizeOf, readPage, readPageToken, wrongPageToken } from "../../steps/page-token.ts";
import {
  type AuditPosition,
  listAuditEvents as readEvents,
  type StoredAuditEvent,
} from "../../store/list-audit-events.ts";

export interface ListAuditEventsInput {
  /** Empty: any. */
  resourceId: string;
  /** Empty: any. */
  principalId: string;
  /** Microseconds since 1970. */
  startTimeUs: number | undefined;
  /** Microseconds since 1970; events at this time are not included. */
  endTimeUs: number | undefined;
  pageSize: number;
  pageToken: string;
}

// google.protobuf.Timestamp ends with the year 9999; Postgres does not take every time before 1970 either.
const lastTimeUs = Date.UTC(9999, 11, 31, 23, 59, 59) * 1_000;

/** Fails with FIELD_INVALID. */
export async function listAuditEvents(
  deps: Pick<Deps, "database">,
  caller: Caller,
  input: ListAuditEventsInput,
): Promise<{ items: StoredAuditEvent[]; nextPageToken: string }> {
  const { workspaceId } = authorize(caller, "audit.read");
  checkAll(
    () => checkTime(input.startTimeUs, "start_time"),
    () => checkTime(input.endTimeUs, "end_time"),
    () => checkOrder(input),
  );
  const filter = {
    workspaceId,
    resourceId: input.resourceId || undefined,
    principalId: input.principalId || undefined,
    startTimeUs: input.startTimeUs,
    endTimeUs: input.endTimeUs,
  };
  return readPage({
    pageSize: pageSizeOf(input.pageSize),
    query: filter,
    position: readPageToken(filter, input.pageToken, 2),
    positionOf: (last) => [String(last.eventTimeUs), last.eventId],
    read: (position, limit) => readEvents(deps.database, filter, positionOf(position), limit),
  });
}

export function checkTime(timeUs: number | undefined, field: string): void {
  if (timeUs === undefined || (timeUs >= 0 && timeUs <= lastTimeUs)) return;
  throw invalidField(field, "must be between the years 1970 and 9999");
}

function checkOrder({ startTimeUs, endTimeUs }: Pick<ListAuditEventsInput, "startTimeUs" | "endTimeUs">): void {
  if (startTimeUs === undefined || endTimeUs === undefined || startTimeUs < endTimeUs) return;
  throw invalidField("end_time", "must be later than start_time");
}

function positionOf(parts: string[] | undefined): AuditPosition | undefined {
  if (!parts) return undefined;
  const [eventTimeUs = "", eventId = ""] = parts;
  // Callers can forge a token.
  if (!/^\d{1,16}$/.test(eventTimeUs)) throw wrongPageToken();
  return { eventTimeUs: Number(eventTimeUs), eventId };
}
