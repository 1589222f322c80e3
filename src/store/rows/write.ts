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
  /** For statements that insert into several tables from one json parameter. `given` has expressions for columns that it does not carry. */
  carry(prefix: string, given: Readonly<Record<string, string>>): Carried<Row>;
  /** `column = excluded.column, …` for ON CONFLICT DO UPDATE. */
  replace: string;
  /** `column = $n, …` for an UPDATE. The parameters are numbered from `first` on. */
  assign(first: number): string;
  /** The values of the parameters. */
  values(row: Row): unknown[];
  /** The json of the rows for `insertAll`. */
  json(rows: readonly Row[]): string;
}

/** The part of a json object that carries one row. `json_to_recordset` reads the objects as rows `r`. */
export interface Carried<Row> {
  /** The columns of `r`. */
  definitions: string;
  /** `insert into …` of a row for each row of `from`. */
  insert(from: string): string;
  /** The expression of a carried column. */
  memberOf(column: string): string;
  /** A condition: all columns of a row of the table are the same. */
  isSame: string;
  /** The members of the json object, each after a comma. */
  membersOf(row: Row): string;
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
    for (const { property, column, type } of parts) result[column] = jsonOf(type, row[property]);
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
      const given = parts.map(({ column, type }) => `${column} ${jsonType(type)}`);
      const read = parts.map(({ column, type }) => fromJson(type, `j.${column}`));
      return `insert into ${name} (${listed})
        select ${[...read, ...Object.values(further)].join(", ")} from json_to_recordset(${parameter}::json) as j (${given.join(", ")})`;
    }),
    insertFrom(source, from, given) {
      const read = parts.map(({ column }) => given[column] ?? `${source}.${column}`);
      return `insert into ${name} (${listed}) select ${read.join(", ")} ${from}`;
    },
    carry(prefix, given) {
      // Short names, because every row repeats them.
      const carried = parts
        .filter(({ column }) => given[column] === undefined)
        .map((part, index) => ({ ...part, member: `${prefix}${index}`, head: `,"${prefix}${index}":` }));
      const memberOf = (column: string) => {
        const { type, member } = carried.find((each) => each.column === column) ?? {};
        if (!type) throw new Error(`the json does not carry ${column}`);
        return type.sqlType === "bytea" ? `decode(r.${member}, 'hex')` : `r.${member}`;
      };
      const readOf = (column: string) => given[column] ?? memberOf(column);
      const read = ({ column, expression }: (typeof parts)[number]) =>
        given[column] ?? expression.replaceAll("?", memberOf(column));
      const furtherRead = Object.values(further).map((each) =>
        each.replaceAll(/\?(\w+)/g, (_, of: string) => readOf(of)),
      );
      const selected = [...parts.map(read), ...furtherRead].join(", ");
      return {
        definitions: carried.map(({ member, type }) => `${member} ${jsonType(type)}`).join(", "),
        insert: (from) => `insert into ${name} as ${alias} (${listed}) select ${selected} ${from}`,
        memberOf,
        isSame: carried
          .map(({ column }) => `${alias}.${column} is not distinct from ${memberOf(column)}`)
          .join(" and "),
        membersOf(row) {
          let text = "";
          for (const { property, type, head } of carried) {
            const value = jsonOf(type, row[property]);
            if (value !== undefined && value !== null) text += head + JSON.stringify(value);
          }
          return text;
        },
      };
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

function jsonType({ sqlType }: ColumnType<unknown>): string {
  return sqlType === "bytea" ? "text" : sqlType;
}

function fromJson({ sqlType }: ColumnType<unknown>, expression: string): string {
  return sqlType === "bytea" ? `decode(${expression}, 'hex')` : expression;
}

function jsonOf(type: ColumnType<unknown>, value: unknown): unknown {
  // Its text would become a json string.
  if (type.sqlType === "jsonb") return value;
  const encoded = type.encode(value);
  return encoded instanceof Uint8Array ? hexOf(encoded) : encoded;
}

function hexOf({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString("hex");
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
