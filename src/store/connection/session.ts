// The settings that every connection has, whatever the database or the role is set to: coffer's promises and parsers rest on them.
import type pg from "pg";
import { only } from "../rows.ts";

interface FoundRow {
  encoding: string;
  is_read_only: boolean;
  pid: number;
}

/** The types of pg leave it out: the server process, as the connection was told when it began. */
type ServerProcess = pg.Client & { readonly processID: number | null };

/** What a connection turned out to be. */
export interface Session {
  /** It takes no writes: a standby, or read-only by its settings. */
  isReadOnly: boolean;
  /** `UTF8`, or what coffer cannot work with. */
  encoding: string;
  /** A pooler stands between: the server process is another one than the connection was told of. */
  isPooled: boolean;
}

/** Ends statements and transactions that hold locks which others wait for. */
export interface TimeLimits {
  statementMs: number;
  lockMs: number;
  idleInTransactionMs: number;
}

export const serveLimits: TimeLimits = { statementMs: 30_000, lockMs: 5_000, idleInTransactionMs: 3_000 };

// A migration may take its time, but must not keep the service waiting behind a lock that it waits for itself.
export const migrationLimits: TimeLimits = { statementMs: 0, lockMs: 1_000, idleInTransactionMs: 0 };

/**
 * `search_path` is left alone, since it says where the tables are, and `default_transaction_read_only` too, since it is how an
 * operator takes the writes away: docs/decisions/0031-pinned-sessions.md.
 */
const fixed = {
  // What values look like on their way in and out.
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
  // What a transaction is.
  default_transaction_isolation: "read committed",
  default_transaction_deferrable: "off",
  // Statements look up by index: planning one again for its values costs more than running it.
  plan_cache_mode: "force_generic_plan",
  jit: "off",
  // Connections of the pool rest as long as they like.
  idle_session_timeout: "0",
  transaction_timeout: "0",
  // A client whose machine is gone lets go of its locks.
  tcp_keepalives_idle: "10",
  tcp_keepalives_interval: "5",
  tcp_keepalives_count: "3",
  tcp_user_timeout: "15000",
};

/** Pins the settings and says what the connection is, in one message, before anything else runs on it. */
export async function pinSession(client: pg.Client, limits: TimeLimits): Promise<Session> {
  const settings = {
    ...fixed,
    lock_timeout: String(limits.lockMs),
    idle_in_transaction_session_timeout: String(limits.idleInTransactionMs),
  };
  // First of all, the time that the rest may take.
  const results = await client.query(`set statement_timeout = ${limits.statementMs}; ${textOf(settings)}`);
  const [, found] = results as unknown as [unknown, pg.QueryResult<FoundRow>];
  const { encoding, is_read_only: isReadOnly, pid } = only(found.rows);
  return { encoding, isReadOnly, isPooled: pid !== (client as ServerProcess).processID };
}

/** Servers differ in what they know. Of `synchronous_commit` only what loses an acknowledged commit is changed. */
function textOf(settings: Readonly<Record<string, string>>): string {
  return `select current_setting('server_encoding') as encoding, pg_backend_pid() as pid,
    pg_is_in_recovery() or current_setting('transaction_read_only') = 'on' as is_read_only,
    (select count(set_config(g.name, w.value, false)) from pg_catalog.pg_settings g
      join json_each_text('${JSON.stringify(settings)}'::json) as w (name, value) on w.name = lower(g.name)) as pinned,
    (select count(set_config(g.name, 'on', false)) from pg_catalog.pg_settings g
      where g.name = 'synchronous_commit' and g.setting in ('off', 'local')) as durable`;
}
