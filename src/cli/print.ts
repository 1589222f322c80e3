// Prints the result of a command: a table for people, or JSON for programs.

export interface Shown {
  json: unknown;
  /** Each row has the same columns, by their titles. */
  rows: Record<string, string>[];
  /** Printed alone on the last line. */
  last?: string;
}

export function print({ json, rows, last }: Shown, asJson: boolean): string {
  if (asJson) return `${JSON.stringify(json, null, 2)}\n`;
  const parts = [tableOf(rows), ...(last === undefined ? [] : [`${last}\n`])];
  return parts.filter((part) => part !== "").join("\n");
}

function tableOf(rows: readonly Record<string, string>[]): string {
  const [first] = rows;
  if (!first) return "";
  const titles = Object.keys(first);
  const lines = [titles, ...rows.map((row) => titles.map((title) => printable(row[title] ?? "")))];
  const widths = titles.map((_title, column) => Math.max(...lines.map((line) => (line[column] ?? "").length)));
  return lines
    .map((line) => line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  "))
    .map((line) => `${line.trimEnd()}\n`)
    .join("");
}

/** Removes control characters from names, which others have chosen and which could control the terminal. */
function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}]/gu, "?") || "-";
}
