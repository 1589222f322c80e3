// What a job is: something to look for, and a way to do a part of it in one short transaction.
import type { Deps } from "../runtime/deps.ts";
import type { Sql, Tx } from "../store/database.ts";

export type JobDeps = Pick<
  Deps,
  "database" | "deploymentId" | "deploymentKeys" | "keyring" | "validations" | "now" | "random"
>;

export interface Job {
  /** Names its lock, its log lines and, as `coffer.jobs/<name>`, its audit events. */
  name: string;
  /** Set if it looks for work more often than the others. */
  everyMs?: number;
  /** Whether there is anything to do: the one statement of an idle tick, answered by an index. */
  isDue(sql: Sql): Promise<boolean>;
  /** Does a part of it, within some ten milliseconds, and says how many things it did; 0: nothing is left that is not locked. */
  runBatch(deps: JobDeps, tx: Tx): Promise<number>;
}
