// The command line of the benchmark of purging.
import { parseArgs } from "node:util";

export interface PurgeOptions {
  /** Soft-deleted secrets past their purge_time. */
  due: number;
  /** Secrets that are read meanwhile. */
  live: number;
  /** The time of each of the three runs of reads. */
  seconds: number;
  concurrency: number;
}

export function readPurgeOptions(argv: readonly string[]): PurgeOptions {
  const text = { type: "string" } as const;
  const { values } = parseArgs({
    args: [...argv],
    options: { due: text, live: text, seconds: text, concurrency: text },
  });
  return {
    due: wholeNumber("--due", values.due, 100_000),
    live: wholeNumber("--live", values.live, 10_000),
    seconds: wholeNumber("--seconds", values.seconds, 10),
    concurrency: wholeNumber("--concurrency", values.concurrency, 16),
  };
}

function wholeNumber(name: string, given: string | undefined, byDefault: number): number {
  const value = Number(given ?? byDefault);
  if (Number.isInteger(value) && value >= 1 && value <= 10_000_000) return value;
  throw new Error(
    `${name} must be a whole number; usage: npm run bench:purge -- [--due n] [--live n] [--seconds n] [--concurrency n]`,
  );
}
