// The way to Postgres: prepared statements, transactions whose outcome is never guessed, and notifications.
import pg from "pg";
import { CofferError } from "../domain/errors.ts";
import { withPassword } from "./connection-string.ts";
import { isConnectionLost, translateError } from "./database-errors.ts";

/** One statement: `name` makes it a prepared one on its connection. */
export interface Statement {
  name: string;
  text: string;
  values: readonly unknown[];
  /** Rows as arrays of their columns; without it as objects. */
  rowMode?: "array";
}

/** Runs statements, in a transaction or outside. */
export interface Sql {
  query<Row extends object>(statement: Statement): Promise<Row[]>;
}

/** Runs statements in one READ COMMITTED transaction. */
export interface Tx extends Sql {
  readonly inTransaction: true;
}

export interface Database extends Sql {
  /** Runs one statement that changes something and commits by itself. A lost answer is OUTCOME_UNKNOWN. */
  change<Row extends object>(statement: Statement): Promise<Row[]>;
  /** Commits what `body` did, or nothing. A lost COMMIT answer is OUTCOME_UNKNOWN. */
  transaction<T>(body: (tx: Tx) => Promise<T>): Promise<T>;
  /** A connection of its own, for LISTEN. */
  dedicatedClient(): pg.Client;
  close(): Promise<void>;
}

export interface DatabaseOptions {
  connectionString: string;
  /** Set apart from the URL so that it can come from a file. */
  password?: string | undefined;
  poolSize: number;
}

const lockTimeoutMs = 5_000;
const statementTimeoutMs = 30_000;
const connectTimeoutMs = 5_000;
const goodbyeMs = 1_000;

// bigint columns count things; they never pass 2^53.
const types = new pg.TypeOverrides();
types.setTypeParser(pg.types.builtins.INT8, Number);

export function openDatabase(options: DatabaseOptions): Database {
  const clientConfig: pg.ClientConfig = {
    connectionString: withPassword(options.connectionString, options.password),
    application_name: "coffer",
    // Every statement here is prepared and looks up by index: planning one again for its values costs more than running it.
    options: "-c plan_cache_mode=force_generic_plan -c default_transaction_isolation=read\\ committed",
    connectionTimeoutMillis: connectTimeoutMs,
    keepAlive: true,
    types,
  };
  const pool = new pg.Pool({
    ...clientConfig,
    max: options.poolSize,
    idleTimeoutMillis: 0,
    lock_timeout: lockTimeoutMs,
    statement_timeout: statementTimeoutMs,
    idle_in_transaction_session_timeout: statementTimeoutMs,
    // Says at once that the server is gone when a statement gets no answer at all.
    query_timeout: statementTimeoutMs + connectTimeoutMs,
  });
  // An idle connection that breaks is replaced by the pool; without a listener it would end the process.
  pool.on("error", () => {});
  const clients = new Set<pg.PoolClient>();
  pool.on("connect", (client) => {
    clients.add(client);
    // Just when a connection is handed out the pool has stopped listening, and nobody else has begun.
    client.on("error", () => {});
  });
  pool.on("remove", (client) => void clients.delete(client));

  return {
    query: (statement) => run(pool, statement),
    change: (statement) => change(pool, statement),
    transaction: (body) => transaction(pool, body),
    dedicatedClient: () => new pg.Client(clientConfig),
    async close() {
      // A server that hangs never answers, neither what is under way nor the goodbye: its connections would keep the process.
      setTimeout(() => {
        for (const { connection } of clients) connection.stream.destroy();
      }, goodbyeMs).unref();
      await pool.end();
    },
  };
}

async function change<Row extends object>(pool: pg.Pool, statement: Statement): Promise<Row[]> {
  const client = await pool.connect().catch((error: unknown) => {
    throw translateError(error);
  });
  let broken: Error | undefined;
  try {
    const result = await client.query<Row>({ ...statement, values: [...statement.values] });
    return result.rows;
  } catch (error) {
    const isLost = isConnectionLost(error);
    if (isLost) broken = error as Error;
    throw isLost ? outcomeUnknown(error) : translateError(error);
  } finally {
    client.release(broken);
  }
}

async function transaction<T>(pool: pg.Pool, body: (tx: Tx) => Promise<T>): Promise<T> {
  const client = await pool.connect().catch((error: unknown) => {
    throw translateError(error);
  });
  let broken: Error | undefined;
  // A connection that breaks between two statements must not end the process; the next statement reports it.
  const onError = (error: Error) => {
    broken = error;
  };
  client.on("error", onError);
  try {
    await run(client, { name: "begin", text: "begin isolation level read committed", values: [] });
    const result = await body({ inTransaction: true, query: (statement) => run(client, statement) });
    await commit(client);
    return result;
  } catch (error) {
    if (!isOutcomeUnknown(error)) {
      await client.query("rollback").catch((rollbackError: Error) => {
        broken = rollbackError;
      });
    } else {
      broken = error as Error;
    }
    throw error;
  } finally {
    client.off("error", onError);
    client.release(broken);
  }
}

async function commit(client: pg.PoolClient): Promise<void> {
  const { command } = await client.query("commit").catch((error: unknown) => {
    throw outcomeUnknown(error);
  });
  // Postgres's answer to the COMMIT of a transaction in which a statement has failed.
  if (command === "ROLLBACK") throw new Error("a failed statement was passed over in a transaction");
}

function outcomeUnknown(cause: unknown): CofferError {
  const message = "the outcome of the change is not known; retry with the same idempotency key";
  return new CofferError("OUTCOME_UNKNOWN", message, {}, { cause, retryDelayMs: 1_000 });
}

function isOutcomeUnknown(error: unknown): boolean {
  return error instanceof CofferError && error.reason === "OUTCOME_UNKNOWN";
}

async function run<Row extends object>(target: pg.Pool | pg.PoolClient, statement: Statement): Promise<Row[]> {
  try {
    const result = await target.query<Row>({ ...statement, values: [...statement.values] });
    return result.rows;
  } catch (error) {
    throw translateError(error);
  }
}
