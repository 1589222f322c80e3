// Writes the results of a run: all figures as JSON, a table, and the chart.
import { mkdirSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";
import { join } from "node:path";
import type { Compared } from "../compare.ts";
import type { Options } from "../options.ts";
import { chartOf } from "./chart.ts";
import { markdownOf } from "./markdown.ts";

export interface Results extends Pick<Options, "scale" | "rounds" | "seconds" | "workers"> {
  machine: string;
  /** From the start of coffer's process until it serves. */
  readyMs: number;
  cases: Compared[];
}

const projectDir = join(import.meta.dirname, "..", "..");
const resultsDir = join(projectDir, "bench", "results");

export function describeMachine(): string {
  return `${availableParallelism()} cores (${cpus()[0]?.model.trim() || "unknown"}), Node ${process.version}`;
}

/** A run of some cases does not take the place of a whole one's results, nor draw the chart. */
export function writeResults(results: Results, options: Pick<Options, "quick" | "only">): void {
  const isWhole = !options.quick && options.only === "";
  const path = join(resultsDir, isWhole ? "latest" : "partial");
  mkdirSync(resultsDir, { recursive: true });
  writeFileSync(`${path}.json`, `${JSON.stringify(results, null, 2)}\n`);
  writeFileSync(`${path}.md`, markdownOf(results));
  if (isWhole) writeFileSync(join(projectDir, "docs", "performance.svg"), chartOf(results.cases));
}
