// The events of one request: durable before its answer begins, with what went through noted behind it.
import type { EgressErrorCode, EgressEvent } from "../domain/egress/egress-event.ts";
import type { JudgedSandbox } from "../domain/egress/sandbox.ts";
import { newId } from "../domain/ids.ts";
import type { EgressParts } from "./parts.ts";

export interface Outcome {
  /** One event for each; one without a secret when there are none. */
  secretIds: readonly string[];
  status: number;
  upstreamStatus: number | undefined;
  errorCode: EgressErrorCode;
}

export interface Record {
  requestBytes: number;
  responseBytes: number;
  /** Why the answer ended before its end, after its event was written; empty unless it did. */
  brokenBy: EgressErrorCode;
  /** The status that the sandbox received, if it differs from the one in the event. */
  statusSent: number | undefined;
  /** Resolves when the events are durable. */
  write(sandbox: JudgedSandbox, outcome: Outcome): Promise<void>;
  /** Notes what went through since, and why no more, counts the request, and says it in the log. */
  finish(): void;
}

const pathLengthMax = 2_048;
const methodLengthMax = 32;
/** That of a name: what is none may be as long as a head. */
const hostLengthMax = 253;

export function createRecord(
  parts: EgressParts,
  { method, host, target }: { method: string; host: string; target: string },
): Record {
  const startMs = performance.now();
  const [path = ""] = target.split("?");
  let first: EgressEvent | undefined;
  let written: readonly EgressEvent[] = [];
  const record: Record = {
    requestBytes: 0,
    responseBytes: 0,
    brokenBy: "",
    statusSent: undefined,
    async write({ workspaceId, sandboxId }, { secretIds, ...outcome }) {
      const about = secretIds.length === 0 ? [undefined] : secretIds;
      const events = about.map((secretId) => ({
        workspaceId,
        sandboxId,
        secretId,
        eventId: newId("egr", parts.now(), parts.random),
        method: method.slice(0, methodLengthMax),
        host: host.slice(0, hostLengthMax),
        path: path.slice(0, pathLengthMax),
        ...outcome,
        latencyMs: Math.round(performance.now() - startMs),
        requestBytes: record.requestBytes,
        responseBytes: record.responseBytes,
        occurrences: 1,
      }));
      [first] = events;
      written = await parts.events.record(events);
    },
    finish() {
      const { requestBytes, responseBytes, brokenBy, statusSent } = record;
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
  return record;
}

/** Returns the fields of an event for the log, without its path and its byte counts. */
export type EgressLine = Omit<EgressEvent, "path" | "eventId" | "requestBytes" | "responseBytes">;

export function lineOf(event: EgressEvent): EgressLine {
  const { workspaceId, sandboxId, secretId, method, host, status, upstreamStatus, latencyMs, errorCode } = event;
  const { occurrences } = event;
  return { workspaceId, sandboxId, secretId, method, host, status, upstreamStatus, latencyMs, errorCode, occurrences };
}
