// Takes one row from the rows of a statement.

/** Returns the row of a statement that returns at most one. */
export function firstOrUndefined<Row>(rows: readonly Row[]): Row | undefined {
  return rows[0];
}

/** Returns the row of a statement that always returns one. */
export function only<Row>(rows: readonly Row[]): Row {
  const [row] = rows;
  if (row === undefined || rows.length > 1) throw new Error(`expected one row, got ${rows.length}`);
  return row;
}
