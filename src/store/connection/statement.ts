// Types of statements, alone or in a transaction.

/** One statement. With a `name` it is a prepared statement. */
export interface Statement {
  name: string;
  text: string;
  values: readonly unknown[];
  /** Returns rows as arrays; otherwise as objects. */
  rowMode?: "array";
  /** The server cancels the statement after this time; default: the session's setting. */
  timeoutMs?: number;
  /** The workspace whose list it reads. Such statements may be slow, so only a few run at a time, with a time limit. */
  listOf?: string;
  /** Many calls wait for it, for example the look-up of a credential. It has its own share of the connections. */
  isLookup?: true;
}

/** Runs statements, in a transaction or outside. */
export interface Sql {
  /** Outside of a transaction the statement may run twice: see docs/decisions/0030-no-single-connection-is-waited-for.md. */
  query<Row extends object>(statement: Statement): Promise<Row[]>;
}

/** Runs statements in one READ COMMITTED transaction. */
export interface Tx extends Sql {
  readonly inTransaction: true;
}
