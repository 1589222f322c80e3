// Runs ANALYZE on tables that grow fast: plans for small tables would read a whole workspace for one secret.
import { analyzeGrownTables, isAnalysisDue } from "../store/statistics.ts";
import type { Job } from "./job.ts";

export const analyzeTables: Job = {
  name: "AnalyzeTables",
  everyMs: 2_000,
  isDue: isAnalysisDue,
  /** Handles all tables at once. The next run finds those that were locked. */
  async runBatch(_deps, tx) {
    await analyzeGrownTables(tx);
    return 0;
  },
};
