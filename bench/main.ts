// The benchmark: starts the real servers, compares coffer with the floor case by case, and writes down what it saw.
import { existsSync } from "node:fs";
import { casesWith, quickCase } from "./cases.ts";
import { checkRig } from "./check-rig.ts";
import { type Compared, compare } from "./compare.ts";
import { type Options, readOptions } from "./options.ts";
import { lineOf, quickLineOf } from "./report/line.ts";
import { describeMachine, writeResults } from "./report/results.ts";
import { startRig } from "./rig.ts";

/** A quick run begins no round that could end later; ending everything takes a moment too. */
const quickEndByMs = 46_000;
const quickScaleMax = 10_000;
/** The time for starting, seeding and warming up. A full run is aborted after twice its planned time. */
const overheadMs = 120_000;
const seedingMsPerSecret = 1;

async function main(argv: readonly string[]): Promise<void> {
  const options = readOptions(argv);
  if (!existsSync("/proc/self/stat")) throw new Error("CPU time is read from /proc: the benchmark runs on Linux");
  const cases = options.quick ? [quickCase] : casesWith(options.only);
  if (cases.length === 0) throw new Error(`no case has "${options.only}" in its name`);
  const expectedMs = cases.length * (2 * options.rounds * options.seconds + 2) * 1_150;
  if (!options.quick) console.log(`${cases.length} cases, about ${Math.ceil(expectedMs / 60_000)} min`);
  const giveUp = AbortSignal.timeout(2 * expectedMs + overheadMs + options.scale * seedingMsPerSecret);
  await run(options, cases, AbortSignal.any([giveUp, stopSignal()]));
}

async function run(options: Options, cases: Parameters<typeof compare>[1][], signal: AbortSignal): Promise<void> {
  const { scale, rounds, seconds, workers } = options;
  await using stack = new AsyncDisposableStack();
  const rig = await startRig(stack, options, (text) => console.log(text));
  await checkRig(rig);
  // More secrets take longer to seed than a quick run lasts.
  const endByMs = options.quick && scale <= quickScaleMax ? quickEndByMs : Number.POSITIVE_INFINITY;
  const compared: Compared[] = [];
  for (const one of cases) {
    const result = await compare(rig, one, { rounds, seconds, endByMs, signal });
    compared.push(result);
    console.log(lineOf(result));
  }
  const { readyMs } = rig.coffer;
  writeResults({ scale, rounds, seconds, workers, machine: describeMachine(), readyMs, cases: compared }, options);
  const [first] = compared;
  if (options.quick && first) {
    await stack.disposeAsync();
    console.log(quickLineOf(first));
  }
}

/** The first signal ends the run in order, a second one at once. */
function stopSignal(): AbortSignal {
  const controller = new AbortController();
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(1);
      controller.abort(new Error(`stopped by ${name}`));
    });
  }
  return controller.signal;
}

main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(`bench: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
});
