// Reads the text of a composite value: what PostgreSQL writes for `row(…)::text`.
import pg from "pg";
import { parseJson, parseTime } from "../connection/parsers.ts";

const { builtins, getTypeParser } = pg.types;

/** The parsers of columns, so that a field of a composite value reads like a column. */
const parsers: Readonly<Record<string, (text: string) => unknown>> = {
  text: (text) => text,
  integer: getTypeParser(builtins.INT4),
  boolean: getTypeParser(builtins.BOOL),
  timestamptz: parseTime,
  jsonb: parseJson,
  bytea: getTypeParser(builtins.BYTEA),
};

/** Returns the fields as the driver gives columns of these types. Fails with an Error for any other text or type. */
export function readComposite(text: string, sqlTypes: readonly string[]): unknown[] {
  const fields = fieldsOf(text);
  if (fields.length !== sqlTypes.length) throw new Error("the composite value has another number of fields");
  return fields.map((field, index) => {
    const parse = parsers[sqlTypes[index] as string];
    if (!parse) throw new Error(`no parser for fields of the type ${sqlTypes[index]}`);
    return field === null ? null : parse(field);
  });
}

/** An empty field is null. A quoted one doubles its quotes and backslashes. */
const field = /"((?:[^"\\]|""|\\\\)*)"|([^",()\\]*)/y;

function fieldsOf(text: string): (string | null)[] {
  const fields: (string | null)[] = [];
  let at = 0;
  do {
    field.lastIndex = at + 1;
    const [, quoted, bare] = field.exec(text) ?? [];
    at = field.lastIndex;
    fields.push(quoted === undefined ? bare || null : quoted.replaceAll(/(["\\])\1/g, "$1"));
  } while (text[at] === ",");
  if (text[0] !== "(" || text[at] !== ")" || at !== text.length - 1)
    throw new Error("the text is not a composite value");
  return fields;
}
