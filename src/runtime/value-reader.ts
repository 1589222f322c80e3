// Reads values for concurrent calls together: what is asked while a statement is under way goes with the next.
import { CofferError } from "../domain/error/errors.ts";
import type { Sql } from "../store/database.ts";
import { readSealedVersions, type SealedVersion, type ValueAsk } from "../store/read-values.ts";
import { auditUnavailable } from "./audit-trail.ts";
import { endOrTurn } from "./pass-by.ts";

export interface ValueReader {
  /**
   * As it is in the database at a time after the call. Undefined when there is no such active secret; fails with
   * AUDIT_UNAVAILABLE when the event of a value that may leave cannot be written.
   */
  read(ask: ValueAsk): Promise<SealedVersion | undefined>;
}

const batchAsksMax = 256;
/** As long as calls keep coming, so that one statement serves more of them. */
const gatherMsMax = 1;

interface Waiting {
  ask: ValueAsk;
  resolve: (sealed: SealedVersion | undefined) => void;
  reject: (error: unknown) => void;
}

/**
 * One statement runs at a time. Reads that arrive meanwhile go with the next one, so nobody waits for a timer and many reads cost less
 * each. If a statement gets no answer for a while, the next one runs beside it on another connection.
 */
export function createValueReader(sql: Sql): ValueReader {
  let waiting: Waiting[] = [];
  let isReading = false;

  async function readAll(): Promise<void> {
    isReading = true;
    while (waiting.length > 0) {
      await untilNobodyJoins();
      const batch = waiting.slice(0, batchAsksMax);
      waiting = waiting.slice(batchAsksMax);
      await endOrTurn(readBatch(sql, batch));
    }
    isReading = false;
  }

  /** Waits for the calls that are ready in this turn of the event loop, and for the next turn while there were any. */
  async function untilNobodyJoins(): Promise<void> {
    const deadline = performance.now() + gatherMsMax;
    for (let before = 0; before < waiting.length && performance.now() < deadline; ) {
      before = waiting.length;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  return {
    read: (ask) =>
      new Promise((resolve, reject) => {
        waiting.push({ ask, resolve, reject });
        if (!isReading) void readAll();
      }),
  };
}

async function readBatch(sql: Sql, batch: readonly Waiting[]): Promise<void> {
  try {
    const results = await readSealedVersions(
      sql,
      batch.map(({ ask }) => ask),
    );
    for (const [index, { resolve }] of batch.entries()) resolve(results[index]);
  } catch (error) {
    // What one of them cannot have must not keep the others from theirs.
    if (batch.length > 1 && !(error instanceof CofferError)) {
      for (const one of batch) await readBatch(sql, [one]);
      return;
    }
    const reason = error instanceof CofferError ? error : auditUnavailable(error);
    for (const { reject } of batch) reject(reason);
  }
}
