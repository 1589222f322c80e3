// Looks for credentials that are due to be tried, again or at last.
import type { Deps } from "../deps.ts";
import { revalidateDue } from "../operations/credentials/revalidate-due.ts";
import type { Sql, Tx } from "../store/database.ts";
import { isValidationDue } from "../store/validations.ts";

export const revalidateCredentials = {
  name: "RevalidateCredentials",
  isDue: (sql: Sql): Promise<boolean> => isValidationDue(sql),
  /** They are tried behind it, one by one under claims of their own: no transaction waits for a service. */
  async runBatch(deps: Pick<Deps, "validations">, tx: Tx): Promise<number> {
    await revalidateDue(deps, tx);
    return 0;
  },
};
