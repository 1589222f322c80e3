// The settings of every connection, independent of the database's and the role's: coffer's guarantees and parsers depend on them.
import type pg from "pg";
import { only } from "./single-row.ts";

interface FoundRow {
  encoding: string;
  is_read_only: boolean;
  pid: number;
}

/** Missing in pg's types: the id of the server process, which the server sends at the start of a connection. */
type ServerProcess = pg.Client & { readonly processID: number | null };

/** The properties of a connection. */
export interface Session {
  /** The server is a standby, or read-only by its settings. */
  isReadOnly: boolean;
  /** `UTF8`; coffer refuses any other. */
  encoding: string;
  /** A pooler is in between: the server process differs from the one that was sent at the start. */
  isPooled: boolean;
}

/** Ends statements and transactions that could hold locks for too long. */
export interface TimeLimits {
  statementMs: number;
  lockMs: number;
  idleInTransactionMs: number;
}

export const serveLimits: TimeLimits = { statementMs: 30_000, lockMs: 5_000, idleInTransactionMs: 3_000 };

// A migration may be slow, but while it waits for a lock, the statements behind it wait too.
export const migrationLimits: TimeLimits = { statementMs: 0, lockMs: 1_000, idleInTransactionMs: 0 };

/**
 * `search_path` is not set, because it decides in which schema the tables are. `default_transaction_read_only` is not set, because
 * operators use it to forbid writes: docs/decisions/0031-pinned-sessions.md.
 */
const fixed = {
  // Formats of values.
  client_encoding: "UTF8",
  datestyle: "ISO, MDY",
  intervalstyle: "postgres",
  timezone: "UTC",
  bytea_output: "hex",
  extra_float_digits: "1",
  standard_conforming_strings: "on",
  array_nulls: "on",
  transform_null_equals: "off",
  row_security: "on",
  // Semantics of transactions.
  default_transaction_isolation: "read committed",
  default_transaction_deferrable: "off",
  // Statements look up rows by index: a new plan for each call would cost more than the statement.
  plan_cache_mode: "force_generic_plan",
  jit: "off",
  // Connections of the pool may be idle without a limit.
  idle_session_timeout: "0",
  transaction_timeout: "0",
  // If the client's machine is lost, its locks are released.
  tcp_keepalives_idle: "10",
  tcp_keepalives_interval: "5",
  tcp_keepalives_count: "3",
  tcp_user_timeout: "15000",
};

/** Sets the settings and reads the properties of the connection, in one message, before anything else runs on it. */
export async function pinSession(client: pg.Client, limits: TimeLimits): Promise<Session> {
  const settings = {
    ...fixed,
    lock_timeout: String(limits.lockMs),
    idle_in_transaction_session_timeout: String(limits.idleInTransactionMs),
  };
  // First, because it limits the time of the rest.
  const results = await client.query(`set statement_timeout = ${limits.statementMs}; ${textOf(settings)}`);
  const [, found] = results as unknown as [unknown, pg.QueryResult<FoundRow>];
  const { encoding, is_read_only: isReadOnly, pid } = only(found.rows);
  return { encoding, isReadOnly, isPooled: pid !== (client as ServerProcess).processID };
}

/** Older servers do not know all settings. `synchronous_commit` is raised only if it could lose an acknowledged commit. */
function textOf(settings: Readonly<Record<string, string>>): string {
  return `select current_setting('server_encoding') as encoding, pg_backend_pid() as pid,
    pg_is_in_recovery() or current_setting('transaction_read_only') = 'on' as is_read_only,
    (select count(set_config(g.name, w.value, false)) from pg_catalog.pg_settings g
      join json_each_text('${JSON.stringify(settings)}'::json) as w (name, value) on w.name = lower(g.name)) as pinned,
    (select count(set_config(g.name, 'on', false)) from pg_catalog.pg_settings g
      where g.name = 'synchronous_commit' and g.setting in ('off', 'local')) as durable`;
}
