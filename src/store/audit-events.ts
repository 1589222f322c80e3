// The audit trail: events are only ever added, at the database's time.
import type { AuditEvent } from "../domain/audit/audit-event.ts";
import type { Sql } from "./database.ts";

/** Adds the events in the parameter, as `insertedEvents` makes it. */
export function insertEventsText(parameter: string): string {
  return `insert into audit_event (
      workspace_id, event_id, request_id, principal_id, token_id, method, resource_type, resource_id, version_number,
      decision, rule, address, user_agent, result, occurrences)
    select e.workspace_id, e.event_id, e.request_id, e.principal_id, e.token_id, e.method, e.resource_type, e.resource_id,
      e.version_number, e.decision, e.rule, e.address, e.user_agent, e.result, e.occurrences
    from json_to_recordset(${parameter}::json) as e (
      workspace_id text, event_id text, request_id text, principal_id text, token_id text, method text,
      resource_type text, resource_id text, version_number integer, decision text, rule text, address text,
      user_agent text, result text, occurrences integer)`;
}

export function insertedEvents(events: readonly AuditEvent[]): string {
  return JSON.stringify(events.map(toRow));
}

/** Adds events in one statement, and so all of them or none. */
export async function insertAuditEvents(sql: Sql, events: readonly AuditEvent[]): Promise<void> {
  await sql.query({
    name: "insert_audit_events",
    text: insertEventsText("$1"),
    values: [insertedEvents(events)],
  });
}

function toRow(event: AuditEvent): Record<string, unknown> {
  return {
    workspace_id: event.workspaceId,
    event_id: event.eventId,
    request_id: event.requestId,
    principal_id: event.principalId,
    token_id: event.tokenId,
    method: event.method,
    resource_type: event.resourceType,
    resource_id: event.resourceId,
    version_number: event.versionNumber ?? null,
    decision: event.decision,
    rule: event.rule,
    address: event.address,
    user_agent: event.userAgent,
    result: event.result,
    occurrences: event.occurrences,
  };
}
