// Looks for credentials that are due to be tried, again or at last.
import { revalidateDue } from "../operations/credentials/revalidate-due.ts";
import { isValidationDue } from "../store/validations.ts";
import type { Job } from "./job.ts";

export const revalidateCredentials: Job = {
  name: "RevalidateCredentials",
  isDue: isValidationDue,
  /** They are tried behind it, one by one under claims of their own: no transaction waits for a service. */
  async runBatch(deps, tx) {
    await revalidateDue(deps, tx);
    return 0;
  },
};
