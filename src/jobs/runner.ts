// Runs the jobs at intervals while the process serves, each on one instance at a time.
import { setTimeout as sleep } from "node:timers/promises";
import { backOffMs, jitteredMs } from "./delays.ts";
import type { Job, JobDeps } from "./job.ts";
import { type JobRun, runJob } from "./run-job.ts";

export interface JobLog {
  /** Called for a run that changed something. */
  ran(run: JobRun): void;
  /** Called for a run that failed. It is tried again after `retryMs`. */
  failed(job: string, error: unknown, retryMs: number): void;
}

export interface JobOptions {
  /** The time between two runs of a job that has nothing to do. */
  intervalMs: number;
  log: JobLog;
}

export interface JobRunner {
  /** Begins no more runs, and waits for running transactions, at most for this time. */
  stop(waitMs: number): Promise<void>;
}

export function startJobs(deps: JobDeps, jobs: readonly Job[], options: JobOptions): JobRunner {
  const stopping = new AbortController();
  const running = Promise.all(jobs.map((job) => repeat(deps, job, options, stopping.signal)));
  return {
    async stop(waitMs) {
      stopping.abort();
      await Promise.race([running, sleep(waitMs, undefined, { ref: false })]);
    },
  };
}

async function repeat(deps: JobDeps, job: Job, options: JobOptions, signal: AbortSignal): Promise<void> {
  const { log } = options;
  const intervalMs = Math.min(options.intervalMs, job.everyMs ?? options.intervalMs);
  let failures = 0;
  // Instances that start together, and jobs of one instance, do not look at the same moment.
  let delayMs = jitteredMs(intervalMs / 2, deps.random);
  while (await waited(delayMs, signal)) {
    try {
      const run = await runJob(deps, job, signal);
      if (run.items > 0) log.ran(run);
      failures = 0;
      delayMs = jitteredMs(intervalMs, deps.random);
    } catch (error) {
      delayMs = jitteredMs(backOffMs(++failures), deps.random);
      log.failed(job.name, error, delayMs);
    }
  }
}

/** Returns false when the wait was stopped. */
async function waited(delayMs: number, signal: AbortSignal): Promise<boolean> {
  try {
    await sleep(delayMs, undefined, { signal, ref: false });
    return true;
  } catch {
    return false;
  }
}
