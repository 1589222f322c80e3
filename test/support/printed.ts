// Everything that a value says when it is printed, by whatever means: to look for what must not be there.
import { inspect } from "node:util";

export function printed(value: unknown): string {
  const options = { depth: Number.POSITIVE_INFINITY, showHidden: true, maxArrayLength: null, maxStringLength: null };
  return `${inspect(value, options)}\n${bytesAsText(value)}`;
}

/** Byte arrays inside of it, read as text: details of errors and sealed values are bytes. */
function bytesAsText(value: unknown): string {
  if (value instanceof Uint8Array) return `${Buffer.from(value).toString("latin1")}\n`;
  if (typeof value !== "object" || value === null) return "";
  return Object.values(value).map(bytesAsText).join("");
}
