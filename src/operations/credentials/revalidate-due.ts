// Queues the credentials that are due for a try: new values, tries without a definite answer, and old results.
import type { Deps } from "../../runtime/deps.ts";
import type { Sql } from "../../store/database.ts";
import { findValidationsDue } from "../../store/validations.ts";

// The limit of one run.
const secretsPerLook = 1_000;

/** Returns when they are in the queue. */
export async function revalidateDue({ validations }: Pick<Deps, "validations">, sql: Sql): Promise<void> {
  for (const secret of await findValidationsDue(sql, secretsPerLook)) validations.enqueue(secret);
}
