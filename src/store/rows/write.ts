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

/** The part of a json object that carries one row. */
export interface Carried<Row> {
  /** The columns that `json_to_recordset` reads. */
  definitions: string;
  /** `insert into …` of a row for each row of `from`, which names the json's rows `r`. */
  insert(from: string): string;
  /** A condition: whether all columns of a row of the table and of a row of the json are the same. */
  isSame(ofTable: string, ofJson: string): string;
  /** The names of its members, without values. */
  empty: Readonly<Record<string, null>>;
  /** Sets its members. */
  addTo(members: Record<string, unknown>, row: Row): void;
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
      const carried = parts.flatMap(({ property, column, type }) =>
        given[column] === undefined ? [{ property, column, type, member: `${prefix}${column}` }] : [],
      );
      const read = ({ column, type, expression }: (typeof parts)[number]) =>
        given[column] ?? expression.replaceAll("?", fromJson(type, `r.${prefix}${column}`));
      const furtherRead = Object.values(further).map((expression) =>
        expression.replaceAll(/\?(\w+)/g, (_, of: string) => {
          const part = parts.find(({ column }) => column === of);
          return given[of] ?? (part ? fromJson(part.type, `r.${prefix}${of}`) : "null");
        }),
      );
      const selected = [...parts.map(read), ...furtherRead].join(", ");
      return {
        definitions: carried.map(({ member, type }) => `${member} ${jsonType(type)}`).join(", "),
        insert: (from) => `insert into ${name} as ${alias} (${listed}) select ${selected} ${from}`,
        isSame: (ofTable, ofJson) =>
          carried
            .map(
              ({ type, column, member }) =>
                `${ofTable}.${column} is not distinct from ${fromJson(type, `${ofJson}.${member}`)}`,
            )
            .join(" and "),
        empty: Object.fromEntries(carried.map(({ member }) => [member, null])),
        addTo(members, row) {
          for (const { property, type, member } of carried) members[member] = jsonOf(type, row[property]);
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
  if (type.sqlType === "jsonb") return value ?? null;
  const encoded = type.encode(value);
  return encoded instanceof Uint8Array ? Buffer.from(encoded).toString("hex") : encoded;
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
