// The interface of a job: it looks for work and does a part of it in one short transaction.
import type { Deps } from "../runtime/deps.ts";
import type { Sql, Tx } from "../store/database.ts";

export type JobDeps = Pick<
  Deps,
  "database" | "deploymentId" | "deploymentKeys" | "keyring" | "validations" | "now" | "random"
>;

export interface Job {
  /** The name in its lock, its log lines and, as `coffer.jobs/<name>`, its audit events. */
  name: string;
  /** Set if the job looks for work more often than the others. */
  everyMs?: number;
  /** Whether there is work. Must be one statement that an index answers, because it runs at every interval. */
  isDue(sql: Sql): Promise<boolean>;
  /** Does a part of the work, in about ten milliseconds. Returns the number of changes; 0: all that is left is locked. */
  runBatch(deps: JobDeps, tx: Tx): Promise<number>;
}
