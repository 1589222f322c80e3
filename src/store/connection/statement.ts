// What can be run on the database: statements, alone or in a transaction.

/** One statement: `name` makes it a prepared one on its connection. */
export interface Statement {
  name: string;
  text: string;
  values: readonly unknown[];
  /** Rows as arrays of their columns; without it as objects. */
  rowMode?: "array";
  /** The server ends it after so long; unless given, as its session says. */
  timeoutMs?: number;
  /** Reads a page of a list of this workspace, which may take long: few of them run at a time, and each is cut short. */
  listOf?: string;
  /** Many calls wait for it, such as the look-up of a credential: it has connections of its own. */
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
