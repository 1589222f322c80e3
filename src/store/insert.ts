// The parts of an INSERT, so that a statement which inserts into several tables says each table's columns no second time.

/** Columns, their expressions, in which each `?` stands for a value, and these values. */
export type NewRow = readonly (readonly [column: string, expression: string, ...values: unknown[]])[];

export function insertedValues(row: NewRow): unknown[] {
  return row.flatMap(([, , ...values]) => values);
}

/** Inserts the row once for each row of `from`, or once; its values are the parameters from `$first` on. */
export function insertText(table: string, row: NewRow, first = 1, from = ""): string {
  let next = first;
  const columns = row.map(([column]) => column).join(", ");
  const expressions = row.map(([, expression]) => expression.replaceAll("?", () => `$${next++}`)).join(", ");
  return `insert into ${table} (${columns}) select ${expressions} ${from}`;
}
