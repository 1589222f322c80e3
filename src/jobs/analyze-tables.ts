// Has Postgres look at tables that grow fast: plans made while they were small would read all of a workspace for one secret.
import { analyzeGrownTables, isAnalysisDue } from "../store/statistics.ts";
import type { Job } from "./job.ts";

export const analyzeTables: Job = {
  name: "AnalyzeTables",
  everyMs: 2_000,
  isDue: isAnalysisDue,
  /** All at once: what was left out, being locked, is looked for again soon. */
  async runBatch(_deps, tx) {
    await analyzeGrownTables(tx);
    return 0;
  },
};
