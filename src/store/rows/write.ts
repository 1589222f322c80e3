// Makes the parts of INSERT and UPDATE statements of a declared table, and the values of their parameters.
import type { ColumnType } from "./column-types.ts";
import type { Columns, RowOf, Table } from "./table.ts";

export interface Writing<Row> {
  /** The number of parameters. */
  count: number;
  /** `insert into …` of one row, or of one for each row of `from`. The parameters are numbered from `first` on. */
  insert(first?: number, from?: string): string;
  /** `insert into …` of all rows of one json parameter. */
  insertAll(parameter: string): string;
  /** `insert into …` of a row for each row of `from`, with the columns of `source` but for the given expressions. */
  insertFrom(source: string, from: string, expressions: Readonly<Record<string, string>>): string;
  /** `column = excluded.column, …` for ON CONFLICT DO UPDATE. */
  replace: string;
  /** `column = $n, …` for an UPDATE. The parameters are numbered from `first` on. */
  assign(first: number): string;
  /** The values of the parameters. */
  values(row: Row): unknown[];
  /** The json of the rows for `insertAll`. */
  json(rows: readonly Row[]): string;
}

export interface WriteOptions {
  /** Expressions for the values of columns, by column, with `?` for the parameter. */
  expressions?: Readonly<Record<string, string>>;
  /** Further columns of an INSERT and their expressions, with `?column` for the parameter of that column. */
  further?: Readonly<Record<string, string>>;
}

/** Writes properties of a table's rows. Build it once, at start. */
export function write<C extends Columns, K extends keyof C & string>(
  { name, alias, columns }: Table<C>,
  properties: readonly K[],
  { expressions = {}, further = {} }: WriteOptions = {},
): Writing<Pick<RowOf<C>, K>> {
  const parts = properties.map((property) => {
    const { column, type } = columns[property] as { column: string; type: ColumnType<unknown> };
    return { property, column, type, expression: expressions[column] ?? "?" };
  });
  const parameters = (first: number) =>
    parts.map(({ expression, type }, index) => expression.replaceAll("?", `$${first + index}::${type.sqlType}`));
  const listed = [...parts.map(({ column }) => column), ...Object.keys(further)].join(", ");
  const empty = Object.fromEntries(parts.map(({ column }) => [column, null as unknown]));
  const toJson = (row: Pick<RowOf<C>, K>) => {
    const result = { ...empty };
    for (const { property, column, type } of parts) {
      const value = type.encode(row[property]);
      result[column] = value instanceof Uint8Array ? Buffer.from(value).toString("hex") : value;
    }
    return result;
  };
  const furtherFrom = (first: number) =>
    Object.values(further).map((expression) =>
      expression.replaceAll(/\?(\w+)/g, (_, of: string) => {
        const index = parts.findIndex(({ column }) => column === of);
        return `$${first + index}::${parts[index]?.type.sqlType}`;
      }),
    );
  return {
    count: parts.length,
    insert: remembered((first = 1, from = "") => {
      const values = [...parameters(first), ...furtherFrom(first)].join(", ");
      return `insert into ${name} as ${alias} (${listed}) select ${values} ${from}`;
    }),
    insertAll: remembered((parameter: string) => {
      const given = parts.map(({ column, type }) => `${column} ${type.sqlType === "bytea" ? "text" : type.sqlType}`);
      const read = parts.map(({ column, type }) =>
        type.sqlType === "bytea" ? `decode(j.${column}, 'hex')` : `j.${column}`,
      );
      return `insert into ${name} (${listed})
        select ${[...read, ...Object.values(further)].join(", ")} from json_to_recordset(${parameter}::json) as j (${given.join(", ")})`;
    }),
    insertFrom(source, from, given) {
      const read = parts.map(({ column }) => given[column] ?? `${source}.${column}`);
      return `insert into ${name} (${listed}) select ${read.join(", ")} ${from}`;
    },
    replace: parts.map(({ column }) => `${column} = excluded.${column}`).join(", "),
    assign: remembered((first: number) => {
      const expressionsFrom = parameters(first);
      return parts.map(({ column }, index) => `${column} = ${expressionsFrom[index]}`).join(", ");
    }),
    values: (row) => parts.map(({ property, type }) => type.encode(row[property])),
    json: (rows) => JSON.stringify(rows.map(toJson)),
  };
}

/** Makes a text once for the same arguments. */
function remembered<A extends readonly (string | number | undefined)[]>(
  make: (...args: A) => string,
): (...args: A) => string {
  const texts = new Map<string, string>();
  return (...args) => {
    const key = args.join();
    const text = texts.get(key) ?? make(...args);
    texts.set(key, text);
    return text;
  };
}
