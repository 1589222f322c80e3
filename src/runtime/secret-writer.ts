// Writes the secrets and versions of concurrent calls with one statement and one commit.
import { CofferError } from "../domain/error/errors.ts";
import { type AppendedVersionRecords, appendVersionsAtOnce } from "../store/append-versions.ts";
import { isDatabaseError } from "../store/connection/database-errors.ts";
import { createSecretsAtOnce, type NewSecretRecords } from "../store/create-secrets.ts";
import type { Database } from "../store/database.ts";
import type { StoredSecret } from "../store/rows/secret.ts";
import type { StoredVersion } from "../store/rows/secret-version.ts";
import type { NewVersionRecords } from "../store/shared-statement.ts";
import { createBatcher } from "./batcher.ts";

/**
 * Each returns what was committed, or undefined if nothing was written: then the transaction writes it, or reports why not. Fails with
 * OUTCOME_UNKNOWN when the answer is lost.
 */
export interface SecretWriter {
  create(records: NewSecretRecords): Promise<StoredSecret | undefined>;
  append(records: AppendedVersionRecords): Promise<StoredVersion | undefined>;
}

export function createSecretWriter(database: Pick<Database, "change" | "inTurn">): SecretWriter {
  const create = together<NewSecretRecords, StoredSecret>((all) => createSecretsAtOnce(database, all));
  const append = together<AppendedVersionRecords, StoredVersion>((all) => appendVersionsAtOnce(database, all));
  return {
    create,
    append: (records) => database.inTurn(records.version.secretId, records.progress, () => append(records)),
  };
}

const batchVersionsMax = 256;
const batchBytesMax = 1 << 20;

function together<C extends NewVersionRecords, R>(
  run: (all: readonly C[]) => Promise<readonly (R | undefined)[]>,
): (records: C) => Promise<R | undefined> {
  const writes = createBatcher<C, R | undefined>({
    sizeMax: batchVersionsMax,
    takesHalf: true,
    weight: { of: ({ version }) => version.envelope?.byteLength ?? 0, max: batchBytesMax },
    run,
    // One row that Postgres refuses, or that waits for a lock, must not fail the others.
    splits: isRefused,
  });
  return async (records) => {
    try {
      return await writes.add(records);
    } catch (error) {
      if (isRefused(error)) return undefined;
      throw error;
    }
  };
}

/** Whether the server refused the statement, which then changed nothing. */
function isRefused(error: unknown): boolean {
  return isDatabaseError(error) || (error instanceof CofferError && error.reason === "CONCURRENT_CHANGE");
}
