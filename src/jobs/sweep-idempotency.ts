// Forgets idempotency keys that nobody may count on any more.
import { isSweepDue, sweepIdempotencyRecords } from "../store/idempotency.ts";
import type { Job } from "./job.ts";

const recordsPerBatch = 1_000;

export const sweepIdempotency: Job = {
  name: "SweepIdempotencyKeys",
  isDue: isSweepDue,
  runBatch: (_deps, tx) => sweepIdempotencyRecords(tx, recordsPerBatch),
};
