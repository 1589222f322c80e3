// Writes the proxy's events. Many requests share one durable statement. Repeated refusals are counted.
import type { EgressEvent } from "../domain/egress/egress-event.ts";
import { mayHaveReachedHost } from "../domain/egress/refusal.ts";
import type { Sql } from "../store/database.ts";
import { type EgressRest, insertEgressEvents, noteEgressRest } from "../store/egress-events.ts";
import { createBatcher } from "./batcher.ts";
import { createRepeatFold } from "./repeat-fold.ts";
import { createWriteBehind } from "./write-behind.ts";

export interface EgressEventLog {
  /**
   * Resolves with the events when they are durable; no answer begins before that. Resolves at once with no events for a refusal that
   * repeats an earlier one and is only counted.
   */
  record(events: readonly EgressEvent[]): Promise<readonly EgressEvent[]>;
  /** Corrects an event by what happened after it was written. */
  noteRest(rest: EgressRest): void;
  /** Writes all events that are still pending. */
  flush(): Promise<void>;
}

const batchRequestsMax = 512;
const restDelayMs = 1_000;
/** The different refusals of one sandbox that are counted separately. */
const refusalKindsMax = 32;

/** `onFolded` is called with events that stand for several refusals. */
export function createEgressEventLog(
  sql: Sql,
  options: { newEventId: () => string; onFolded: (event: EgressEvent) => void; onLost: (error: unknown) => void },
): EgressEventLog {
  const { newEventId, onFolded, onLost } = options;
  const batches = createBatcher<readonly EgressEvent[], void>({
    sizeMax: batchRequestsMax,
    run: async (ofRequests) => {
      await insertEgressEvents(sql, ofRequests.flat());
      return [];
    },
  });
  const rest = createWriteBehind<EgressRest>({
    delayMs: restDelayMs,
    write: (rests) => noteEgressRest(sql, rests),
    onLost,
  });

  const refusals = createRepeatFold<EgressEvent>({
    kindsMax: refusalKindsMax,
    write: (event) => batches.add([event]),
    fold(event, occurrences, isMixed) {
      const several = isMixed ? { method: "*", host: "*", path: "", secretId: undefined } : {};
      const folded = { ...event, ...several, eventId: newEventId(), occurrences };
      onFolded(folded);
      return folded;
    },
    onLost,
  });

  return {
    async record(events) {
      const [first, ...others] = events;
      if (!first || others.length > 0 || mayHaveReachedHost(first.errorCode)) {
        await batches.add(events);
        return events;
      }
      const { workspaceId, sandboxId, secretId = "", method, host, path, errorCode } = first;
      const written = refusals.add(
        [workspaceId, sandboxId].join("\n"),
        [secretId, method, host, path, errorCode].join("\n"),
        first,
      );
      await written;
      return written ? events : [];
    },
    noteRest: (each) => rest.add(`${each.workspaceId} ${each.eventId}`, each),
    async flush() {
      await refusals.flush();
      await batches.drain();
      await rest.flush();
    },
  };
}
