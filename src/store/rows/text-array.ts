// Writes a list as the text of a PostgreSQL array. The driver would write each item alone, with two replacements of characters.

/** Returns the text of `text[]` or, for texts of numbers, of `integer[]`. */
export function textArray(items: readonly (string | null)[]): string {
  if (items.includes(null)) return `{${items.map((item) => (item === null ? "NULL" : quoted(item))).join(",")}}`;
  const joined = items.join('","');
  // Without these characters in an item, the joined text is the array already.
  if (!joined.includes("\\") && items.length > 0 && countQuotes(joined) === 2 * (items.length - 1))
    return `{"${joined}"}`;
  return `{${(items as readonly string[]).map(quoted).join(",")}}`;
}

function countQuotes(text: string): number {
  let count = 0;
  for (let at = text.indexOf('"'); at !== -1; at = text.indexOf('"', at + 1)) count++;
  return count;
}

function quoted(item: string): string {
  return `"${item.replaceAll(/["\\]/g, "\\$&")}"`;
}
