// Writes the results of a run: all figures as JSON, a table, and for a whole run the chart and the table of docs/performance.md.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
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
  if (!isWhole) return;
  const docsDir = join(projectDir, "docs");
  writeFileSync(join(docsDir, "performance.svg"), chartOf(results.cases));
  const pagePath = join(docsDir, "performance.md");
  writeFileSync(pagePath, withTable(readFileSync(pagePath, "utf8"), markdownOf(results)));
}

const tableBegin = "<!-- `npm run bench` writes the table from here -->\n";
const tableEnd = "<!-- to here -->\n";

/** Replaces the table of the page, without its title. */
function withTable(page: string, markdown: string): string {
  const [before, rest] = page.split(tableBegin, 2);
  const after = rest?.split(tableEnd, 2)[1];
  if (after === undefined) throw new Error("docs/performance.md lacks the marks around its table");
  return `${before}${tableBegin}${markdown.replace(/^# .*\n/, "")}\n${tableEnd}${after}`;
}
