// Has the secrets tried whose time has come: new values that nobody got to, tries that told nothing, verdicts that are old.
import type { Deps } from "../../runtime/deps.ts";
import type { Sql } from "../../store/database.ts";
import { findValidationsDue } from "../../store/validations.ts";

// As many as are waiting at most.
const secretsPerLook = 1_000;

/** Returns as soon as they wait for their turn. */
export async function revalidateDue({ validations }: Pick<Deps, "validations">, sql: Sql): Promise<void> {
  for (const secret of await findValidationsDue(sql, secretsPerLook)) validations.enqueue(secret);
}
