// The event rows, the log lines and the metrics of one request. Its rows are durable before its answer begins.

import type { EgressErrorCode, EgressEvent } from "../domain/egress/egress-event.ts";
import type { EgressSandbox } from "../domain/egress/sandbox.ts";
import { newId } from "../domain/ids.ts";
import type { RandomPort, TimePort } from "../ports.ts";
import type { EgressEventLog } from "../runtime/egress-event-log.ts";
import type { Measured } from "./metrics.ts";

export interface EventParts extends TimePort, RandomPort {
  events: EgressEventLog;
  measure(request: Measured): void;
  log(line: EgressLine): void;
  onUnexpectedError(error: unknown): void;
}

export interface RequestDetails {
  method: string;
  host: string;
  target: string;
}

export interface EventOutcome {
  /** One event for each; without secrets one event. */
  secretIds: readonly string[];
  status: number;
  upstreamStatus: number | undefined;
  errorCode: EgressErrorCode;
}

export interface RequestEvents {
  requestBytes: number;
  responseBytes: number;
  /** Why the answer did not reach its end although its event says so; otherwise empty. */
  brokenBy: EgressErrorCode;
  /** The status that the sandbox received, if it differs from the one in the event. */
  statusSent: number | undefined;
  /** Resolves when the events are durable. */
  write(sandbox: EgressSandbox, outcome: EventOutcome): Promise<void>;
  /** Corrects the events by what happened since, counts the request and logs it. */
  finish(): void;
}

const pathLengthMax = 2_048;
const methodLengthMax = 32;
/** The longest host name. Without a limit a text that is not a host name could be as long as a request head. */
const hostLengthMax = 253;

export function createRequestEvents(parts: EventParts, { method, host, target }: RequestDetails): RequestEvents {
  const startMs = performance.now();
  const [path = ""] = target.split("?");
  let first: EgressEvent | undefined;
  let written: readonly EgressEvent[] = [];
  const all: RequestEvents = {
    requestBytes: 0,
    responseBytes: 0,
    brokenBy: "",
    statusSent: undefined,
    async write({ workspaceId, sandboxId }, { secretIds, ...outcome }) {
      const subjects = secretIds.length === 0 ? [undefined] : secretIds;
      const events = subjects.map((secretId) => ({
        workspaceId,
        sandboxId,
        secretId,
        eventId: newId("egr", parts.now(), parts.random),
        method: method.slice(0, methodLengthMax),
        host: host.slice(0, hostLengthMax),
        path: path.slice(0, pathLengthMax),
        ...outcome,
        latencyMs: Math.round(performance.now() - startMs),
        requestBytes: all.requestBytes,
        responseBytes: all.responseBytes,
        occurrences: 1,
      }));
      [first] = events;
      written = await parts.events.record(events);
    },
    finish() {
      const { requestBytes, responseBytes, brokenBy, statusSent } = all;
      if (first) {
        const { latencyMs, secretId } = first;
        const status = statusSent ?? first.status;
        const errorCode = brokenBy || first.errorCode;
        const isSwapped = secretId !== undefined;
        parts.measure({ status, errorCode, isSwapped, latencyMs, requestBytes, responseBytes });
      }
      for (const event of written) {
        const { eventId, requestBytes: requested, responseBytes: responded } = event;
        const errorCode = brokenBy || event.errorCode;
        const status = statusSent ?? event.status;
        parts.log(lineOf({ ...event, status, errorCode }));
        if (requestBytes === requested && responseBytes === responded && errorCode === event.errorCode) continue;
        parts.events.noteRest({
          ...{ workspaceId: event.workspaceId, eventId },
          ...{ status, requestBytes, responseBytes, errorCode },
        });
      }
      written = [];
      first = undefined;
    },
  };
  return all;
}

export type EgressLine = Omit<EgressEvent, "path" | "eventId" | "requestBytes" | "responseBytes">;

/** Returns the fields of an event that the log shows. */
export function lineOf(event: EgressEvent): EgressLine {
  const { workspaceId, sandboxId, secretId, method, host, status, upstreamStatus, latencyMs, errorCode } = event;
  const { occurrences } = event;
  return { workspaceId, sandboxId, secretId, method, host, status, upstreamStatus, latencyMs, errorCode, occurrences };
}
