// Access to Postgres: statements, transactions and notifications, which do not depend on a single connection.
import type pg from "pg";
import type { CallProgress } from "../domain/call-progress.ts";
import { CofferError } from "../domain/error/errors.ts";
import { checkWritable } from "./connection/check-writable.ts";
import { translateError } from "./connection/database-errors.ts";
import { createLanes } from "./connection/lanes.ts";
import { createConnector } from "./connection/open-connection.ts";
import { createPool } from "./connection/pool.ts";
import { type Patience, read } from "./connection/read.ts";
import { readList } from "./connection/read-list.ts";
import { serveLimits } from "./connection/session.ts";
import type { Sql, Statement, Tx } from "./connection/statement.ts";
import { type ChangeOptions, type ChangingCall, runChange, runOnce, runTransaction } from "./connection/transaction.ts";

export type { Sql, Statement, Tx } from "./connection/statement.ts";

export interface TransactionOptions extends ChangeOptions {
  /** The row that the transaction locks, for example the id of a secret: at most two connections wait for the same row. */
  waitsFor?: string | undefined;
}

export interface Database extends Sql {
  /**
   * Runs one statement that changes something for all of `calls` and commits by itself. `statementOf` gets the calls whose deadline has not
   * passed when the statement is sent. A lost answer is OUTCOME_UNKNOWN.
   */
  change<C extends ChangingCall, Row extends object>(
    calls: readonly C[],
    statementOf: (calls: readonly C[]) => Statement,
  ): Promise<Row[]>;
  /**
   * Commits the changes of `body`, or nothing. Fails with OUTCOME_UNKNOWN if the answer to the COMMIT is lost. `body` runs again, at
   * most twice, after a deadlock or a lost connection, so it must not consume its input.
   */
  transaction<T>(body: (tx: Tx) => Promise<T>, options?: TransactionOptions): Promise<T>;
  /** Runs `work`, which locks the row `waitsFor`. At most two connections wait for the same row. Fails with CONCURRENT_CHANGE after five seconds. */
  inTurn<T>(waitsFor: string, call: CallProgress | undefined, work: () => Promise<T>): Promise<T>;
  /** Runs a statement once; it fails rather than run twice. For claims, and for audit events of values that are about to be returned. */
  readonly once: Sql;
  /** The same on the jobs' share of the connections, for writes that no caller waits for. */
  readonly background: Sql;
  /** A connection of its own, for LISTEN. */
  connectAlone(): Promise<pg.Client>;
  /** Returns within a second whether a write would work now. */
  isWritable(): Promise<boolean>;
  close(): Promise<void>;
}

export interface DatabaseOptions {
  /** It may name several hosts. */
  connectionString: string;
  /** Set apart from the URL so that it can come from a file. */
  password?: string | undefined;
  poolSize: number;
}

const readPatience: Patience = { hedgeMs: 1_000, totalMs: 5_000 };
const waitersPerRow = 2;
const laneWaitMs = 5_000;

/** Fails with a StartupError when the URL has a parameter that is not supported. */
export function openDatabase({ connectionString, password, poolSize }: DatabaseOptions): Database {
  const connector = createConnector(connectionString, password);
  const pool = createPool(connector, poolSize);
  const lanes = createLanes();
  const lists = createLanes();

  async function query<Row extends object>(statement: Statement): Promise<Row[]> {
    if (statement.listOf !== undefined) return readList<Row>(pool, lists, statement, statement.listOf);
    try {
      return await read<Row>(pool, statement.isLookup ? "lookup" : "read", statement, readPatience);
    } catch (error) {
      throw translateError(error);
    }
  }

  const once = (share: "write" | "job"): Sql => ({
    async query(statement) {
      try {
        return await runOnce(pool, share, statement);
      } catch (error) {
        throw translateError(error);
      }
    },
  });

  const inTurn: Database["inTurn"] = (waitsFor, call, work) =>
    lanes.run(waitsFor, waitersPerRow, { waitMs: laneWaitMs, call, onTooLate: concurrentChange }, work);

  return {
    query,
    inTurn,
    change: (calls, statementOf) => runChange(pool, calls, statementOf),
    transaction(body, { waitsFor, ...options } = {}) {
      const run = () => runTransaction(pool, body, options);
      return waitsFor === undefined ? run() : inTurn(waitsFor, options.progress, run);
    },
    once: once("write"),
    background: once("job"),
    connectAlone: async () => (await connector.open(serveLimits)).client,
    isWritable: () => checkWritable(pool),
    close: pool.close,
  };
}

function concurrentChange(): CofferError {
  const message = "another change of the same resource is still running; retry";
  return new CofferError("CONCURRENT_CHANGE", message, {}, { retryDelayMs: 1_000 });
}
