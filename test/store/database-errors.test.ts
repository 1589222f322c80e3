// PostgreSQL's errors become reasons by SQLSTATE, without the server's text.
import pg from "pg";
import { describe, expect, it } from "vitest";
import { CofferError } from "../../src/domain/error/errors.ts";
import { isUniqueViolation, translateError } from "../../src/store/connection/database-errors.ts";

const serverText = 'duplicate key "hunter2" in table "secret"';

function databaseError(code: string, constraint?: string): pg.DatabaseError {
  const error = new pg.DatabaseError(serverText, serverText.length, "error");
  error.code = code;
  error.constraint = constraint;
  error.detail = serverText;
  return error;
}

describe("an error of the server", () => {
  it.each([
    ["08006", "connection_failure", "DEPENDENCY_UNAVAILABLE"],
    ["08P01", "protocol_violation", "DEPENDENCY_UNAVAILABLE"],
    ["25006", "read_only_sql_transaction", "DEPENDENCY_UNAVAILABLE"],
    ["28P01", "invalid_password", "DEPENDENCY_UNAVAILABLE"],
    ["3D000", "invalid_catalog_name", "DEPENDENCY_UNAVAILABLE"],
    ["53100", "disk_full", "DEPENDENCY_UNAVAILABLE"],
    ["53200", "out_of_memory", "DEPENDENCY_UNAVAILABLE"],
    ["53300", "too_many_connections", "DEPENDENCY_UNAVAILABLE"],
    ["57014", "query_canceled", "DEPENDENCY_UNAVAILABLE"],
    ["57P01", "admin_shutdown", "DEPENDENCY_UNAVAILABLE"],
    ["57P02", "crash_shutdown", "DEPENDENCY_UNAVAILABLE"],
    ["57P03", "cannot_connect_now", "DEPENDENCY_UNAVAILABLE"],
    ["55P03", "lock_not_available", "CONCURRENT_CHANGE"],
    ["40001", "serialization_failure", "CONCURRENT_CHANGE"],
    ["40P01", "deadlock_detected", "CONCURRENT_CHANGE"],
  ])("%s %s becomes %s, to be retried, without its text", (sqlState, _name, reason) => {
    const cause = databaseError(sqlState);
    const error = translateError(cause);
    expect(error).toBeInstanceOf(CofferError);
    expect(error).toMatchObject({ reason, metadata: {}, retryDelayMs: 1_000, cause });
    expect((error as CofferError).message).not.toContain("hunter2");
  });

  it.each(["23505", "23503", "42P01", "42601", "22P02", "XX000"])(
    "%s stays as it is: it tells of a fault of coffer's",
    (sqlState) => {
      const error = databaseError(sqlState);
      expect(translateError(error)).toBe(error);
    },
  );

  it("is a unique violation only of the index that is asked for", () => {
    expect(isUniqueViolation(databaseError("23505", "secret_active_path"), "secret_active_path")).toBe(true);
    expect(isUniqueViolation(databaseError("23505", "secret_pkey"), "secret_active_path")).toBe(false);
    expect(isUniqueViolation(databaseError("23503", "secret_active_path"), "secret_active_path")).toBe(false);
    expect(isUniqueViolation(new Error("secret_active_path"), "secret_active_path")).toBe(false);
  });
});

describe("an error on the way to the server", () => {
  it.each([
    Object.assign(new Error("connect ECONNREFUSED /private/.s.PGSQL.5432"), { code: "ECONNREFUSED" }),
    new Error("Connection terminated unexpectedly"),
    new Error("Query read timeout"),
    new Error("timeout exceeded when trying to connect"),
  ])("(%s) becomes DEPENDENCY_UNAVAILABLE without its text", (cause) => {
    const error = translateError(cause) as CofferError;
    expect(error).toMatchObject({ reason: "DEPENDENCY_UNAVAILABLE", message: "the database is not reachable", cause });
  });
});
