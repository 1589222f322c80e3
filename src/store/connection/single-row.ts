// Takes one row from the rows of a statement.

/** The first row, where a statement gives at most one. */
export function firstOrUndefined<Row>(rows: readonly Row[]): Row | undefined {
  return rows[0];
}

/** The row of a statement that always gives one. */
export function only<Row>(rows: readonly Row[]): Row {
  const [row] = rows;
  if (row === undefined || rows.length > 1) throw new Error(`expected one row, got ${rows.length}`);
  return row;
}
