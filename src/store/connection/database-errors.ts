// Translates errors of Postgres and of its connections for the caller, without the server's own text.
import pg from "pg";
import { CofferError } from "../../domain/error/errors.ts";
import { StartupError } from "../../domain/error/startup-error.ts";

const clientRetryMs = 1_000;

// PostgreSQL documentation, appendix A. These mean "not now": 08 connection, 25006 a server that takes no writes, 25P03 and 25P04 a
// transaction that was ended for taking too long, 28 authorization, 3D no such database, 42501 a privilege that was withdrawn, 53
// resources, 55000 a database that takes no connections, 57 operator intervention, 58 the server's own system.
const unavailable = /^(08|25006|25P03|25P04|28|3D|42501|53|55000|57|58)/;
const standby = "25006";
// The connection cannot be used again: the server ended it, or is not the primary any more.
const gone = /^(08|25P03|25P04|28|3D|53300|55000|57P)/;
const tooManyConnections = "53300";
const statementTimeout = "57014";
const insufficientPrivilege = "42501";
const lockNotAvailable = "55P03";
const serializationFailures = new Set(["40001", "40P01"]);
const uniqueViolation = "23505";

/** Returns the error to throw instead of `error`. An error that shows a bug stays as it is. */
export function translateError(error: unknown): unknown {
  const sqlState = sqlStateOf(error);
  if (sqlState === undefined) {
    // The error is not from the server: the connection was refused, broke, or timed out.
    return new CofferError(
      "DEPENDENCY_UNAVAILABLE",
      "the database is not reachable",
      {},
      { cause: error, retryDelayMs: clientRetryMs },
    );
  }
  if (unavailable.test(sqlState)) {
    return new CofferError(
      "DEPENDENCY_UNAVAILABLE",
      "the database is not available",
      {},
      { cause: error, retryDelayMs: clientRetryMs },
    );
  }
  if (sqlState === lockNotAvailable || serializationFailures.has(sqlState)) {
    const message = "another change of the same resource is still running; retry";
    return new CofferError("CONCURRENT_CHANGE", message, {}, { cause: error, retryDelayMs: clientRetryMs });
  }
  return error;
}

/** Returns whether the server may have committed the statement: the answer is lost, or the server ended. */
export function isConnectionLost(error: unknown): boolean {
  const sqlState = sqlStateOf(error);
  return sqlState === undefined || /^(08|25P03|25P04|57P)/.test(sqlState);
}

/** Returns why a connection whose statement failed with `error` cannot be used again; undefined if it can. */
export function serverIsNotOurs(error: unknown): "standby" | "gone" | undefined {
  const sqlState = sqlStateOf(error);
  if (sqlState === standby) return "standby";
  return sqlState === undefined || gone.test(sqlState) ? "gone" : undefined;
}

/** Returns whether a transaction that failed with `error` before its COMMIT changed nothing and may succeed when it runs again. */
export function isWorthRepeating(error: unknown): boolean {
  const sqlState = sqlStateOf(error);
  if (sqlState === undefined) return isConnectionError(error);
  return serializationFailures.has(sqlState) || sqlState === standby || /^(08|57P)/.test(sqlState);
}

/** Returns whether the server or the role has reached its connection limit. */
export function isOutOfConnections(error: unknown): boolean {
  return sqlStateOf(error) === tooManyConnections;
}

/** Returns whether a lock was not granted in time. */
export function isLockNotAvailable(error: unknown): boolean {
  return sqlStateOf(error) === lockNotAvailable;
}

/** Returns whether the statement took longer than its session allows. */
export function isStatementTimeout(error: unknown): boolean {
  return sqlStateOf(error) === statementTimeout;
}

/** Returns whether the role lacks a privilege. */
export function isPermissionDenied(error: unknown): boolean {
  return sqlStateOf(error) === insufficientPrivilege;
}

/** Returns whether it is an error of coffer itself or a bug, which would happen again. */
function isOwnError(error: Error): boolean {
  return error instanceof CofferError || error instanceof StartupError || error instanceof TypeError;
}

/** pg has no class for these errors: a socket's error has a code, pg's own have none. */
function isConnectionError(error: unknown): boolean {
  return error instanceof Error && !isOwnError(error);
}

/** Returns whether a row would violate this unique index. */
export function isUniqueViolation(error: unknown, index: string): boolean {
  return isDatabaseError(error) && error.code === uniqueViolation && error.constraint === index;
}

/** Returns whether the server sent the error. */
export function isDatabaseError(error: unknown): error is pg.DatabaseError {
  return error instanceof pg.DatabaseError;
}

function sqlStateOf(error: unknown): string | undefined {
  return isDatabaseError(error) ? error.code : undefined;
}

/** Returns the wait before a retry inside a call. It is random and grows, so that calls that failed together do not retry together. */
export function retryDelayMs(attempts: number): number {
  return attempts * (10 + Math.random() * 40);
}
