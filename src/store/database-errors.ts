// Errors of Postgres and of the way to it, as errors for the caller: nothing of the server's own text gets out.
import pg from "pg";
import { CofferError } from "../domain/errors.ts";
import { StartupError } from "../domain/startup-error.ts";

const retryDelayMs = 1_000;

// PostgreSQL documentation, appendix A. These mean "not now": 08 connection, 25006 a server that takes no writes, 25P03 and 25P04 a
// transaction that was ended for taking too long, 28 authorization, 3D no such database, 42501 a privilege that was withdrawn, 53
// resources, 55000 a database that takes no connections, 57 operator intervention, 58 the server's own system.
const unavailable = /^(08|25006|25P03|25P04|28|3D|42501|53|55000|57|58)/;
const standby = "25006";
// The connection is gone, or of no use: the server ended it, or has no part in this service (any more).
const gone = /^(08|25P03|25P04|28|3D|53300|55000|57P)/;
const tooManyConnections = "53300";
const statementTimeout = "57014";
const insufficientPrivilege = "42501";
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
  return sqlState === undefined || /^(08|25P03|25P04|57P)/.test(sqlState);
}

/** Why a connection whose statement failed with `error` is not used again; undefined: it can be. */
export function serverIsNotOurs(error: unknown): "standby" | "gone" | undefined {
  const sqlState = sqlStateOf(error);
  if (sqlState === standby) return "standby";
  return sqlState === undefined || gone.test(sqlState) ? "gone" : undefined;
}

/** Whether a transaction that failed with `error` before its COMMIT may well succeed when it is run again: it did nothing. */
export function isWorthRepeating(error: unknown): boolean {
  const sqlState = sqlStateOf(error);
  if (sqlState === undefined) return isConnectionError(error);
  return serializationFailures.has(sqlState) || sqlState === standby || /^(08|57P)/.test(sqlState);
}

/** Whether the server, or the role, has all the connections that it may have. */
export function isOutOfConnections(error: unknown): boolean {
  return sqlStateOf(error) === tooManyConnections;
}

/** Whether a lock could not be had in time. */
export function isLockNotAvailable(error: unknown): boolean {
  return sqlStateOf(error) === lockNotAvailable;
}

/** Whether the statement took longer than its session allows. */
export function isStatementTimeout(error: unknown): boolean {
  return sqlStateOf(error) === statementTimeout;
}

/** Whether the role lacks a privilege. */
export function isPermissionDenied(error: unknown): boolean {
  return sqlStateOf(error) === insufficientPrivilege;
}

/** Of coffer itself, or of its code: the same would come of it again. */
function isOwnError(error: Error): boolean {
  return error instanceof CofferError || error instanceof StartupError || error instanceof TypeError;
}

/** pg has no class for them: a socket's error has a code, its own are plain. */
function isConnectionError(error: unknown): boolean {
  return error instanceof Error && !isOwnError(error);
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
