// Finds credentials that are due to be tried.
import { revalidateDue } from "../operations/credentials/revalidate-due.ts";
import { isValidationDue } from "../store/validations.ts";
import type { Job } from "./job.ts";

export const revalidateCredentials: Job = {
  name: "RevalidateCredentials",
  isDue: isValidationDue,
  /** The queue tries them after the transaction, so that no transaction waits for a service. */
  async runBatch(deps, tx) {
    await revalidateDue(deps, tx);
    return 0;
  },
};
