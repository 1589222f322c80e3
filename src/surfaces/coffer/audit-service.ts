// coffer.v1.AuditService over the operations on the audit trail.
import { create } from "@bufbuild/protobuf";
import { type Timestamp, TimestampSchema } from "@bufbuild/protobuf/wkt";
import type { ServiceImpl } from "@connectrpc/connect";
import {
  AuditDecision,
  type AuditEvent as AuditEventMessage,
  AuditEventSchema,
  type AuditService,
} from "../../../gen/coffer/v1/audit_service_pb.ts";
import { callerOf } from "../../call/caller.ts";
import { followAuditEvents } from "../../operations/audit/follow.ts";
import { listAuditEvents } from "../../operations/audit/list.ts";
import type { Deps } from "../../runtime/deps.ts";

type Listed = Awaited<ReturnType<typeof listAuditEvents>>["items"][number];

const decisions = { ALLOW: AuditDecision.ALLOW, DENY: AuditDecision.DENY } as const;

export function auditService(deps: Deps): ServiceImpl<typeof AuditService> {
  return {
    async listAuditEvents(request, context) {
      const { resourceId, principalId, startTime, endTime, pageSize, pageToken } = request;
      const { items, nextPageToken } = await listAuditEvents(deps, callerOf(context), {
        resourceId,
        principalId,
        startTimeUs: startTime && toUs(startTime),
        endTimeUs: endTime && toUs(endTime),
        pageSize,
        pageToken,
      });
      return { auditEvents: items.map(toMessage), nextPageToken };
    },

    async followAuditEvents({ cursor, startTime, pageSize }, context) {
      const input = { cursor, startTimeUs: startTime && toUs(startTime), pageSize };
      const followed = await followAuditEvents(deps, callerOf(context), input);
      const { events, cursor: nextCursor, isCaughtUp: caughtUp } = followed;
      return { auditEvents: events.map(toMessage), nextCursor, caughtUp };
    },
  };
}

function toUs({ seconds, nanos }: Timestamp): number {
  return Number(seconds) * 1_000_000 + Math.floor(nanos / 1_000);
}

function toMessage(event: Listed): AuditEventMessage {
  const { eventTimeUs } = event;
  return create(AuditEventSchema, {
    id: event.eventId,
    eventTime: create(TimestampSchema, {
      seconds: BigInt(Math.floor(eventTimeUs / 1_000_000)),
      nanos: (eventTimeUs % 1_000_000) * 1_000,
    }),
    requestId: event.requestId,
    principalId: event.principalId,
    tokenId: event.tokenId,
    method: event.method,
    resourceType: event.resourceType,
    resourceId: event.resourceId,
    versionNumber: event.versionNumber ?? 0,
    decision: decisions[event.decision],
    rule: event.rule,
    address: event.address,
    userAgent: event.userAgent,
    result: event.result,
    occurrences: event.occurrences,
  });
}
