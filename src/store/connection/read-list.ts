// Reads pages of lists: a few at a time, each with a short time limit, so that one workspace cannot make the others wait.
import { CofferError } from "../../domain/error/errors.ts";
import { isStatementTimeout, translateError } from "./database-errors.ts";
import type { Lanes } from "./lanes.ts";
import type { Pool } from "./pool.ts";
import { NoAnswerError, type Patience, read } from "./read.ts";
import type { Statement } from "./statement.ts";

const listTimeoutMs = 3_000;
const perWorkspace = 2;
/** A list without an answer is more often slow than lost, so it uses a second connection later than other reads. */
const patience: Patience = { hedgeMs: 1_200, totalMs: listTimeoutMs + 1_500 };

/** Fails with LIST_TIMEOUT when the page, or the wait for its turn, takes too long. */
export async function readList<Row extends object>(
  pool: Pool,
  lists: Lanes,
  statement: Statement,
  workspaceId: string,
): Promise<Row[]> {
  const lane = { waitMs: listTimeoutMs, onTooLate: () => listTimeout(new Error("other lists were running")) };
  return lists.run(workspaceId, perWorkspace, lane, async () => {
    try {
      return await read<Row>(pool, "list", { ...statement, timeoutMs: listTimeoutMs }, patience);
    } catch (error) {
      throw isStatementTimeout(error) || error instanceof NoAnswerError ? listTimeout(error) : translateError(error);
    }
  });
}

function listTimeout(cause: unknown): CofferError {
  const message = `the list took longer than ${listTimeoutMs / 1_000} s; narrow it, for example with path_prefix, or retry later`;
  return new CofferError("LIST_TIMEOUT", message, {}, { cause, retryDelayMs: 1_000 });
}
