// Runs a job once: short transactions one after the other, until nothing is due.
import { setTimeout as sleep } from "node:timers/promises";
import type { Tx } from "../store/database.ts";
import { tryLockJob } from "../store/job-lock.ts";
import type { Job, JobDeps } from "./job.ts";

/** The result of a run. */
export interface JobRun {
  job: string;
  items: number;
  transactions: number;
  /** The longest time for which a transaction of the run held locks. */
  longestTransactionMs: number;
  durationMs: number;
}

/** A job uses at most a tenth of one connection, because its work is not urgent. */
const restsPerWork = 9;

/** `signal` stops it between two transactions. The rest stays due for any instance. */
export async function runJob(deps: JobDeps, job: Job, signal: AbortSignal): Promise<JobRun> {
  const begin = performance.now();
  const run = { job: job.name, items: 0, transactions: 0, longestTransactionMs: 0 };
  let isDue = await job.isDue(deps.database);
  while (isDue && !signal.aborted) {
    const { items, tookMs } = await runTransaction(deps, job);
    run.items += items;
    run.transactions += 1;
    run.longestTransactionMs = Math.max(run.longestTransactionMs, Math.round(tookMs));
    isDue = items > 0;
    if (isDue) await sleep(restsPerWork * tookMs, undefined, { signal }).catch(() => {});
  }
  return { ...run, durationMs: Math.round(performance.now() - begin) };
}

/** Does nothing when another instance has the job's lock. */
async function runTransaction(deps: JobDeps, job: Job): Promise<{ items: number; tookMs: number }> {
  let begin = 0;
  const runBatch = async (tx: Tx) => {
    begin = performance.now();
    return (await tryLockJob(tx, job.name)) ? job.runBatch(deps, tx) : 0;
  };
  const items = await deps.database.transaction(runBatch, { share: "job" });
  return { items, tookMs: performance.now() - begin };
}
