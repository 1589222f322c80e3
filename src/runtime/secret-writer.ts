// Creates the secrets of concurrent calls with one statement and one commit.
import { CofferError } from "../domain/error/errors.ts";
import { isDatabaseError } from "../store/connection/database-errors.ts";
import { createSecretsAtOnce, type NewSecretRecords } from "../store/create-secrets.ts";
import type { Database } from "../store/database.ts";
import type { StoredSecret } from "../store/rows/secret.ts";
import { createBatcher } from "./batcher.ts";

export interface SecretWriter {
  /**
   * Returns the committed secret, or undefined if nothing was written: then the transaction writes it, or reports why not. Fails with
   * OUTCOME_UNKNOWN when the answer is lost.
   */
  create(records: NewSecretRecords): Promise<StoredSecret | undefined>;
}

const batchSecretsMax = 256;
const batchBytesMax = 1 << 20;

export function createSecretWriter(database: Pick<Database, "change">): SecretWriter {
  const writes = createBatcher<NewSecretRecords, StoredSecret | undefined>({
    sizeMax: batchSecretsMax,
    takesHalf: true,
    weight: { of: ({ version }) => version.envelope?.byteLength ?? 0, max: batchBytesMax },
    run: (all) => createSecretsAtOnce(database, all),
    // One row that Postgres refuses, or that waits for a lock, must not fail the others.
    splits: isRefused,
  });
  return {
    async create(records) {
      try {
        return await writes.add(records);
      } catch (error) {
        if (isRefused(error)) return undefined;
        throw error;
      }
    },
  };
}

/** Whether the server refused the statement, which then changed nothing. */
function isRefused(error: unknown): boolean {
  return isDatabaseError(error) || (error instanceof CofferError && error.reason === "CONCURRENT_CHANGE");
}
