// Declares a MAC of a row: its columns in order, each with the bytes that are hashed.
import type { MacField } from "../envelope/mac.ts";

/** A label and what it covers, in order. */
export interface Covered {
  label: string;
  fields: readonly MacField[];
}

/** A MAC of a table and the columns it covers. */
export interface GuardedColumns {
  table: string;
  /** Where the MAC is stored. */
  column: string;
  covers: readonly string[];
}

const declared: GuardedColumns[] = [];

/** All declared MACs. A test uses it to find columns of the database that no MAC covers. */
export function everyGuard(): readonly GuardedColumns[] {
  return declared;
}

/** Returns the label and bytes that the MAC of a row covers. If you change the columns, change the label too: a MAC must have one meaning. */
export function covering<Row>(
  { table, column, label }: { table: string; column: string; label: string | ((row: Row) => string) },
  columns: Readonly<Record<string, (row: Row) => MacField | readonly MacField[]>>,
): (row: Row) => Covered {
  declared.push({ table, column, covers: Object.keys(columns) });
  const reads = Object.values(columns);
  return (row) => {
    // A loop, because each value that is read passes here three times.
    const fields: MacField[] = [];
    for (const read of reads) {
      const field = read(row);
      if (isList(field)) fields.push(...field);
      else fields.push(field);
    }
    return { label: typeof label === "string" ? label : label(row), fields };
  };
}

function isList(field: MacField | readonly MacField[]): field is readonly MacField[] {
  return Array.isArray(field);
}

/** As aliases of most secrets are. */
function isEmpty(value: unknown): boolean {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  for (const _ in value) return false;
  return true;
}

/** Returns the same text for equal values in any order of members: Postgres does not preserve the order in jsonb. */
export function canonicalJson(value: unknown): string {
  if (isEmpty(value)) return "{}";
  return JSON.stringify(value, (_, member: unknown) =>
    typeof member === "object" && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  );
}
