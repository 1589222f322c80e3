// Adds, completes and lists egress events. They have the database's time.
import type { EgressErrorCode, EgressEvent, StoredEgressEvent } from "../domain/egress/egress-event.ts";
import type { Sql } from "./database.ts";

/** Adds all of the events, or none. */
export async function insertEgressEvents(sql: Sql, events: readonly EgressEvent[]): Promise<void> {
  const [first] = events;
  if (first && events.length === 1) {
    // A single event needs no list, which PostgreSQL would have to parse.
    await sql.query({
      name: "insert_egress_event",
      text: `insert into egress_event (${columns.join(", ")}) values (${columns.map((_, index) => `$${index + 1}`).join(", ")})`,
      values: valuesOf(first),
    });
    return;
  }
  await sql.query({
    name: "insert_egress_events",
    text: `insert into egress_event (${columns.join(", ")})
      select * from json_to_recordset($1::json) as e (
        workspace_id text, event_id text, sandbox_id text, secret_id text, method text, host text, path text, status integer,
        upstream_status integer, latency_ms integer, request_bytes bigint, response_bytes bigint, error_code text, occurrences integer)`,
    values: [JSON.stringify(events.map(toInserted))],
  });
}

function valuesOf(event: EgressEvent): unknown[] {
  const row = toInserted(event);
  return columns.map((column) => row[column]);
}

const columns = [
  ...["workspace_id", "event_id", "sandbox_id", "secret_id", "method", "host", "path", "status", "upstream_status"],
  ...["latency_ms", "request_bytes", "response_bytes", "error_code", "occurrences"],
];

function toInserted(event: EgressEvent): Record<string, unknown> {
  return {
    workspace_id: event.workspaceId,
    event_id: event.eventId,
    sandbox_id: event.sandboxId,
    secret_id: event.secretId ?? null,
    method: event.method,
    host: event.host,
    path: event.path,
    status: event.status,
    upstream_status: event.upstreamStatus ?? null,
    latency_ms: event.latencyMs,
    request_bytes: event.requestBytes,
    response_bytes: event.responseBytes,
    error_code: event.errorCode,
    occurrences: event.occurrences,
  };
}

/** The end of a request whose event is already written: a body may take longer than its head, or break off. */
export interface EgressRest {
  workspaceId: string;
  eventId: string;
  status: number;
  requestBytes: number;
  responseBytes: number;
  errorCode: EgressErrorCode;
}

export async function noteEgressRest(sql: Sql, rests: readonly EgressRest[]): Promise<void> {
  await sql.query({
    name: "note_egress_rest",
    text: `update egress_event e set status = t.status, request_bytes = t.request_bytes, response_bytes = t.response_bytes,
        error_code = t.error_code
      from unnest($1::text[], $2::text[], $3::integer[], $4::bigint[], $5::bigint[], $6::text[])
        as t (workspace_id, event_id, status, request_bytes, response_bytes, error_code)
      where e.workspace_id = t.workspace_id and e.event_id = t.event_id`,
    values: [
      rests.map(({ workspaceId }) => workspaceId),
      rests.map(({ eventId }) => eventId),
      rests.map(({ status }) => status),
      rests.map(({ requestBytes }) => requestBytes),
      rests.map(({ responseBytes }) => responseBytes),
      rests.map(({ errorCode }) => errorCode),
    ],
  });
}

export interface EgressEventFilter {
  workspaceId: string;
  secretId: string | undefined;
  sandboxId: string | undefined;
  /** A range of HTTP statuses; the second is not included. */
  statuses: readonly [number, number] | undefined;
}

export interface EventRow {
  event_number: number;
  workspace_id: string;
  event_id: string;
  event_time: Date;
  sandbox_id: string;
  sandbox_name: string | null;
  secret_id: string | null;
  method: string;
  host: string;
  path: string;
  status: number;
  upstream_status: number | null;
  latency_ms: number;
  request_bytes: number;
  response_bytes: number;
  error_code: EgressErrorCode;
  occurrences: number;
}

/** Returns events before `before`, newest first. */
export async function listEgressEvents(
  sql: Sql,
  filter: EgressEventFilter,
  before: string | undefined,
  limit: number,
): Promise<StoredEgressEvent[]> {
  const values: unknown[] = [filter.workspaceId];
  const parameter = (value: unknown) => `$${values.push(value)}`;
  const conditions = ["e.workspace_id = $1"];
  if (filter.secretId !== undefined) conditions.push(`e.secret_id = ${parameter(filter.secretId)}`);
  if (filter.sandboxId !== undefined) conditions.push(`e.sandbox_id = ${parameter(filter.sandboxId)}`);
  if (filter.statuses) {
    const [from, to] = filter.statuses;
    conditions.push(`e.status >= ${parameter(from)} and e.status < ${parameter(to)}`);
  }
  if (before !== undefined) conditions.push(`e.event_id < ${parameter(before)}`);
  const given = [filter.secretId, filter.sandboxId, filter.statuses, before].map((each) =>
    each === undefined ? 0 : 1,
  );
  const rows = await sql.query<EventRow>({
    // Each combination of conditions is a statement of its own, which Postgres plans once.
    name: `list_egress_events_${given.join("")}`,
    listOf: filter.workspaceId,
    text: `select e.*, b.name as sandbox_name from egress_event e
      left join sandbox b on b.workspace_id = e.workspace_id and b.sandbox_id = e.sandbox_id and b.delete_time is null
      where ${conditions.join(" and ")} order by e.event_id desc limit ${parameter(limit)}`,
    values,
  });
  return rows.map(toEvent);
}

export interface SecretEventFilter extends Pick<EgressEventFilter, "workspaceId" | "statuses"> {
  secretId: string;
  /** Only events with a smaller number. */
  before: number | undefined;
  limit: number;
}

/** Returns events of one secret, by number, the greatest first. */
export async function listSecretEvents(
  sql: Sql,
  { workspaceId, secretId, before, statuses, limit }: SecretEventFilter,
): Promise<StoredEgressEvent[]> {
  const [from, to] = statuses ?? [0, 1_000];
  const rows = await sql.query<EventRow>({
    name: "list_secret_events",
    listOf: workspaceId,
    text: `select e.*, b.name as sandbox_name from egress_event e
      left join sandbox b on b.workspace_id = e.workspace_id and b.sandbox_id = e.sandbox_id and b.delete_time is null
      where e.workspace_id = $1 and e.secret_id = $2 and e.event_number < $3 and e.status >= $4 and e.status < $5
      order by e.event_number desc limit $6`,
    values: [workspaceId, secretId, before ?? Number.MAX_SAFE_INTEGER, from, to, limit],
  });
  return rows.map(toEvent);
}

export function toEvent(row: EventRow): StoredEgressEvent {
  return {
    workspaceId: row.workspace_id,
    eventId: row.event_id,
    eventNumber: row.event_number,
    eventTime: row.event_time,
    sandboxId: row.sandbox_id,
    sandboxName: row.sandbox_name ?? undefined,
    secretId: row.secret_id ?? undefined,
    method: row.method,
    host: row.host,
    path: row.path,
    status: row.status,
    upstreamStatus: row.upstream_status ?? undefined,
    latencyMs: row.latency_ms,
    requestBytes: row.request_bytes,
    responseBytes: row.response_bytes,
    errorCode: row.error_code,
    occurrences: row.occurrences,
  };
}
