// The row of an audit event. The MACs of the audit seals cover every column of it.
import type { AuditEvent } from "../../domain/audit/audit-event.ts";
import { bigint, integer, oneOf, optional, text } from "./column-types.ts";
import { covered, table } from "./table.ts";

export const auditEventTable = table(
  "audit_event",
  "a",
  { chain: { name: "audit_event", version: 1 } },
  {
    workspaceId: covered("workspace_id", text, "chain"),
    eventId: covered("event_id", text, "chain"),
    /** Microseconds since 1970, by the database's clock. */
    eventTimeUs: covered("event_time", bigint, "chain"),
    requestId: covered("request_id", text, "chain"),
    principalId: covered("principal_id", text, "chain"),
    tokenId: covered("token_id", text, "chain"),
    method: covered("method", text, "chain"),
    resourceType: covered("resource_type", oneOf<AuditEvent["resourceType"]>(), "chain"),
    resourceId: covered("resource_id", text, "chain"),
    versionNumber: covered("version_number", optional(integer), "chain"),
    decision: covered("decision", oneOf<AuditEvent["decision"]>(), "chain"),
    rule: covered("rule", text, "chain"),
    address: covered("address", text, "chain"),
    userAgent: covered("user_agent", text, "chain"),
    result: covered("result", text, "chain"),
    occurrences: covered("occurrences", integer, "chain"),
    /** The number of the transaction that wrote it. */
    xact: covered("xact", bigint, "chain"),
  },
);
