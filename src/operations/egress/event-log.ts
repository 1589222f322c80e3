// The proxy's events: group commit, so that many requests share one durable statement, and what came after it behind the answers.
import type { EgressEvent } from "../../domain/egress/egress-event.ts";
import type { Sql } from "../../store/database.ts";
import { type EgressRest, insertEgressEvents, noteEgressRest } from "../../store/egress-events.ts";
import { endOrTurn } from "../pass-by.ts";
import { createWriteBehind } from "../write-behind.ts";

export interface EgressEventLog {
  /** Resolves when the events are durable: no answer begins before. */
  record(events: readonly EgressEvent[]): Promise<void>;
  /** What went through after the event was written, and why no more. */
  noteRest(rest: EgressRest): void;
  /** Writes what is still to be written. */
  flush(): Promise<void>;
}

const batchEventsMax = 512;
const restDelayMs = 1_000;

interface Waiting {
  events: readonly EgressEvent[];
  resolve: () => void;
  reject: (error: unknown) => void;
}

/** One statement is under way at a time; what comes meanwhile goes with the next. One that gets no answer is passed by. */
export function createEgressEventLog(sql: Sql, onLost: (error: unknown) => void): EgressEventLog {
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

  return {
    record: (events) =>
      new Promise((resolve, reject) => {
        waiting.push({ events, resolve, reject });
        writing ??= writeAll();
      }),
    noteRest: (each) => rest.add(`${each.workspaceId} ${each.eventId}`, each),
    async flush() {
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
