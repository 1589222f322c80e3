// Reads the secrets of concurrent calls with one statement.
import { CofferError } from "../domain/error/errors.ts";
import type { Sql } from "../store/database.ts";
import { findSecrets, type SecretAsk, type TimedSecret } from "../store/find-secrets.ts";
import { createBatcher } from "./batcher.ts";

export interface SecretReader {
  /** Returns the secret as it is in the database after the call began; undefined when there is none. Check its MAC before you use it. */
  read(ask: SecretAsk): Promise<TimedSecret | undefined>;
}

const batchAsksMax = 256;
/** Longer batches serve more calls with one statement. */
const gatherMsMax = 1;

export function createSecretReader(sql: Sql): SecretReader {
  const reads = createBatcher<SecretAsk, TimedSecret | undefined>({
    sizeMax: batchAsksMax,
    gatherMsMax,
    run: (asks) => findSecrets(sql, asks),
    // One ask that cannot be answered must not fail the others.
    splits: (error) => !(error instanceof CofferError),
  });
  return { read: reads.add };
}
