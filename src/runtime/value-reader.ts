// Reads the values of concurrent calls with one statement.
import { CofferError } from "../domain/error/errors.ts";
import type { Sql } from "../store/database.ts";
import { readUnreadVersions, type UnreadVersion, type ValueAsk } from "../store/read-values.ts";
import { auditUnavailable } from "./audit-trail.ts";
import { createBatcher } from "./batcher.ts";

export interface ValueReader {
  /**
   * Returns the version as it is in the database after the call began; undefined when there is no such active secret. Fails with
   * AUDIT_UNAVAILABLE when the audit event of a value that may leave cannot be written.
   */
  read(ask: ValueAsk): Promise<UnreadVersion | undefined>;
}

const batchAsksMax = 256;
/** Longer batches serve more calls with one statement. */
const gatherMsMax = 1;

export function createValueReader(sql: Sql): ValueReader {
  const reads = createBatcher<ValueAsk, UnreadVersion | undefined>({
    sizeMax: batchAsksMax,
    gatherMsMax,
    takesHalf: true,
    run: (asks) => readUnreadVersions(sql, asks),
    // One ask that cannot be answered must not fail the others.
    splits: (error) => !(error instanceof CofferError),
    toError: (error) => (error instanceof CofferError ? error : auditUnavailable(error)),
  });
  return { read: reads.add };
}
