// Errors of Postgres and of the way to it, as errors for the caller: nothing of the server's own text gets out.
import pg from "pg";
import { CofferError } from "../domain/errors.ts";

const retryDelayMs = 1_000;

// PostgreSQL documentation, appendix A. What means "not now": 08 connection, 25006 a standby, 28 authorization, 3D no such
// database, 53 resources, 57 operator intervention.
const unavailable = /^(08|25006|28|3D|53|57)/;
const lockNotAvailable = "55P03";
const serializationFailures = new Set(["40001", "40P01"]);
const uniqueViolation = "23505";

/** What to throw instead of `error`; an error that says something about the code itself stays as it is. */
export function translateError(error: unknown): unknown {
  const sqlState = sqlStateOf(error);
  if (sqlState === undefined) {
    // Not from the server: the connection was refused, broke, or timed out.
    return new CofferError(
      "DEPENDENCY_UNAVAILABLE",
      "the database is not reachable",
      {},
      { cause: error, retryDelayMs },
    );
  }
  if (unavailable.test(sqlState)) {
    return new CofferError(
      "DEPENDENCY_UNAVAILABLE",
      "the database is not available",
      {},
      { cause: error, retryDelayMs },
    );
  }
  if (sqlState === lockNotAvailable || serializationFailures.has(sqlState)) {
    const message = "another change of the same thing is still running";
    return new CofferError("CONCURRENT_CHANGE", message, {}, { cause: error, retryDelayMs });
  }
  return error;
}

/** Whether the server may have committed what it was asked for: it was not heard, or ended in the middle. */
export function isConnectionLost(error: unknown): boolean {
  const sqlState = sqlStateOf(error);
  return sqlState === undefined || /^(08|57P)/.test(sqlState);
}

/** Whether `error` says that a row would be there twice under this unique index. */
export function isUniqueViolation(error: unknown, index: string): boolean {
  return isDatabaseError(error) && error.code === uniqueViolation && error.constraint === index;
}

/** Whether the server has sent it. */
export function isDatabaseError(error: unknown): error is pg.DatabaseError {
  return error instanceof pg.DatabaseError;
}

function sqlStateOf(error: unknown): string | undefined {
  return isDatabaseError(error) ? error.code : undefined;
}
