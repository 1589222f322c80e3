// Deletes expired idempotency keys.
import type { Database } from "../store/database.ts";
import { isSweepDue, type SweptUntil, sweepIdempotencyRecords } from "../store/idempotency.ts";
import type { Job } from "./job.ts";

const recordsPerBatch = 1_000;

/** The end of the last batch; reset when there is nothing after it, so that rows that were locked are found again. */
const sweptUntil = new WeakMap<Database, SweptUntil>();

export const sweepIdempotency: Job = {
  name: "SweepIdempotencyKeys",
  isDue: isSweepDue,
  async runBatch({ database }, tx) {
    const from = sweptUntil.get(database);
    const behind = await sweepIdempotencyRecords(tx, recordsPerBatch, from);
    const isAtEnd = behind.count === 0 && from !== undefined;
    const { count, until } = isAtEnd ? await sweepIdempotencyRecords(tx, recordsPerBatch, undefined) : behind;
    if (until === undefined || count < recordsPerBatch) sweptUntil.delete(database);
    else sweptUntil.set(database, until);
    return count;
  },
};
