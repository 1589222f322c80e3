// Writes the proxy's events. Many requests share one durable statement; repeated refusals are counted.
import type { EgressEvent } from "../domain/egress/egress-event.ts";
import { mayHaveReachedHost } from "../domain/egress/refusal.ts";
import type { Sql } from "../store/database.ts";
import { type EgressRest, insertEgressEvents, noteEgressRest } from "../store/egress-events.ts";
import { endOrTurn } from "./pass-by.ts";
import { createRepeatFold } from "./repeat-fold.ts";
import { createWriteBehind } from "./write-behind.ts";

export interface EgressEventLog {
  /**
   * Resolves with the events when they are durable; no answer begins before that. Resolves at once with no events for a refusal that
   * repeats an earlier one and is only counted.
   */
  record(events: readonly EgressEvent[]): Promise<readonly EgressEvent[]>;
  /** What went through after the event was written, and why no more. */
  noteRest(rest: EgressRest): void;
  /** Writes what is still to be written. */
  flush(): Promise<void>;
}

const batchEventsMax = 512;
const restDelayMs = 1_000;
/** Of one sandbox. */
const refusalKindsMax = 32;

interface Waiting {
  events: readonly EgressEvent[];
  resolve: () => void;
  reject: (error: unknown) => void;
}

/**
 * One statement runs at a time; events that arrive meanwhile go with the next one. If a statement gets no answer, the next one runs
 * beside it. `onFolded` is called with events that stand for several refusals.
 */
export function createEgressEventLog(
  sql: Sql,
  options: { newEventId: () => string; onFolded: (event: EgressEvent) => void; onLost: (error: unknown) => void },
): EgressEventLog {
  const { newEventId, onFolded, onLost } = options;
  let waiting: Waiting[] = [];
  let writing: Promise<void> | undefined;
  const batches = new Set<Promise<void>>();
  const rest = createWriteBehind<EgressRest>({
    delayMs: restDelayMs,
    write: (rests) => noteEgressRest(sql, rests),
    onLost,
  });

  async function writeAll(): Promise<void> {
    // Lets the requests that are ready in this turn of the event loop come along.
    await new Promise((resolve) => setImmediate(resolve));
    while (waiting.length > 0) {
      const batch = waiting.slice(0, batchEventsMax);
      waiting = waiting.slice(batchEventsMax);
      const written = writeBatch(sql, batch);
      batches.add(written);
      void written.then(() => batches.delete(written));
      await endOrTurn(written);
    }
    writing = undefined;
  }

  function write(events: readonly EgressEvent[]): Promise<void> {
    return new Promise((resolve, reject) => {
      waiting.push({ events, resolve, reject });
      writing ??= writeAll();
    });
  }

  const refusals = createRepeatFold<EgressEvent>({
    kindsMax: refusalKindsMax,
    write: (event) => write([event]),
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
        await write(events);
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
      await writing;
      await Promise.all(batches);
      await rest.flush();
    },
  };
}

async function writeBatch(sql: Sql, batch: readonly Waiting[]): Promise<void> {
  try {
    await insertEgressEvents(
      sql,
      batch.flatMap(({ events }) => events),
    );
    for (const { resolve } of batch) resolve();
  } catch (error) {
    for (const { reject } of batch) reject(error);
  }
}
