// Runs a statement on a connection, and closes the connection when it does not answer.
import type { Lease } from "./pool.ts";
import { serveLimits } from "./session.ts";
import type { Statement } from "./statement.ts";

/** Fails with the driver's error. */
export async function runOn<Row extends object>(lease: Lease, statement: Statement): Promise<Row[]> {
  const { name, text, values, rowMode } = statement;
  if (lease.statementTimeoutMs !== statement.timeoutMs) await setTimeoutOf(lease, statement.timeoutMs);
  const config = rowMode === undefined ? { name, text } : { name, text, rowMode };
  const result = await lease.client.query<Row>({ ...config, values: values as unknown[] });
  return result.rows;
}

/** The same with a time limit. After it the connection is closed, and it is unknown whether the statement ran. */
export async function runWithin<Row extends object>(
  lease: Lease,
  statement: Statement,
  silenceMsMax: number,
): Promise<Row[]> {
  const timer = setTimeout(() => lease.close(), silenceMsMax);
  try {
    return await runOn<Row>(lease, statement);
  } finally {
    clearTimeout(timer);
  }
}

async function setTimeoutOf(lease: Lease, timeoutMs: number | undefined): Promise<void> {
  const isShort = timeoutMs !== undefined;
  // A short statement must use an index, even if Postgres estimates a sequential scan as cheaper.
  await lease.client.query(
    `set statement_timeout = ${timeoutMs ?? serveLimits.statementMs}; set enable_seqscan = ${isShort ? "off" : "on"}`,
  );
  lease.statementTimeoutMs = timeoutMs;
}
