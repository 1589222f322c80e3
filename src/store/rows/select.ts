// Makes the select list of a declared table, and reads the rows that a statement returns for it.
import type { ColumnType } from "./column-types.ts";
import type { Columns, RowOf, Table } from "./table.ts";

/** A row as the driver gives it: values by the names of the select list. */
export type DriverRow = Record<string, unknown>;

/** A row in array mode: values in the order of the select list. */
export type ArrayRow = readonly unknown[];

export interface Selection<Row> {
  /** The select list. */
  sql: string;
  /** Reads a row by the names of the select list. */
  read(row: DriverRow): Row;
  /** The expressions of the select list, in the order of the properties. */
  expressions: readonly string[];
  /** The types of the columns, in the same order. */
  sqlTypes: readonly string[];
  /** Reads a row in array mode; `positions` says where the value of each expression is. */
  readAt(row: ArrayRow, positions: readonly number[]): Row;
}

export interface SelectOptions {
  /** Stands before each name of the select list, to tell tables apart whose columns have the same name. */
  prefix?: string;
  /** The name of the rows in this statement, if it is not the table's own. */
  alias?: string;
  /** Expressions instead of columns, by column. */
  expressions?: Readonly<Record<string, string>>;
  /** Properties that the caller adds to each row. The row is made with room for them. */
  added?: readonly string[];
}

/** Selects properties of a table's rows. Build it once, at start. */
export function select<C extends Columns, K extends keyof C & string>(
  table: Table<C>,
  properties: readonly K[],
  { prefix = "", alias = table.alias, expressions = {}, added = [] }: SelectOptions = {},
): Selection<Pick<RowOf<C>, K>> {
  type Row = Pick<RowOf<C>, K>;
  const parts = properties.map((property) => {
    const { column, type } = table.columns[property] as { column: string; type: ColumnType<unknown> };
    const stored = type.usual === undefined ? `${alias}.${column}` : `nullif(${alias}.${column}, ${type.usual})`;
    return { property, key: `${prefix}${column}`, expression: expressions[column] ?? stored, type };
  });
  // A copy of an object that has all properties is faster than an object that gets them one by one.
  const empty = Object.fromEntries([...properties, ...added].map((property) => [property, undefined]));
  return {
    sql: parts
      .map(({ expression, key }) => (expression === `${alias}.${key}` ? expression : `${expression} as ${key}`))
      .join(", "),
    expressions: parts.map(({ expression }) => expression),
    sqlTypes: parts.map(({ type }) => type.sqlType),
    read(row) {
      const result: Record<string, unknown> = { ...empty };
      for (const { property, key, type } of parts) result[property] = type.decode(row[key]);
      return result as Row;
    },
    readAt(row, positions) {
      const result: Record<string, unknown> = { ...empty };
      let next = 0;
      for (const { property, type } of parts) result[property] = type.decode(row[positions[next++] as number]);
      return result as Row;
    },
  };
}
