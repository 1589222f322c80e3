// The command line of the benchmark.
import { parseArgs } from "node:util";

export interface Options {
  /** Secrets that are there before anything is measured. */
  scale: number;
  /** The number of secrets that the uniform cases ask for. */
  ids: number;
  /** The number of versions of the hot secret. */
  versions: number;
  quick: boolean;
  /** Pairs of one run of the floor and one of coffer, for each case. */
  rounds: number;
  /** The time of one run. */
  seconds: number;
  /** Parts of cases' names, separated by commas; empty: all cases. */
  only: string;
  /** Processes of coffer; undefined: its own default. */
  workers: number | undefined;
}

const usage = `usage: npm run bench -- [--quick] [--scale secrets] [--ids secrets] [--versions n] [--rounds n] [--seconds n] [--only text] [--workers n]`;

/** Fails with how it is used. */
export function readOptions(argv: readonly string[]): Options {
  try {
    return parse(argv);
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.message : error}\n${usage}`, { cause: error });
  }
}

function parse(argv: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      quick: { type: "boolean", default: false },
      scale: { type: "string" },
      ids: { type: "string" },
      versions: { type: "string" },
      rounds: { type: "string" },
      seconds: { type: "string" },
      only: { type: "string", default: "" },
      workers: { type: "string" },
    },
  });
  const { quick, only } = values;
  const scale = wholeNumber("--scale", values.scale, 10_000, 10_000_000);
  return {
    quick,
    only,
    versions: wholeNumber("--versions", values.versions, 1, 100_000),
    scale,
    ids: wholeNumber("--ids", values.ids, scale, scale),
    rounds: wholeNumber("--rounds", values.rounds, quick ? 8 : 3, 100),
    seconds: wholeNumber("--seconds", values.seconds, 2, 60),
    workers: values.workers === undefined ? undefined : wholeNumber("--workers", values.workers, 1, 64),
  };
}

function wholeNumber(name: string, given: string | undefined, byDefault: number, max: number): number {
  const value = Number(given ?? byDefault);
  if (Number.isInteger(value) && value >= 1 && value <= max) return value;
  throw new Error(`${name} must be a whole number from 1 to ${max}`);
}
