// Decodes query parameters strictly. URLSearchParams would replace invalid UTF-8 silently.
import { CofferError } from "../../domain/error/errors.ts";

/** Returns every parameter with all its values, in the order of their first occurrence. */
export function readQuery(query: string): Map<string, string[]> {
  const parameters = new Map<string, string[]>();
  for (const pair of query.split("&")) {
    if (pair === "") continue;
    const equals = pair.indexOf("=");
    const name = decode(equals === -1 ? pair : pair.slice(0, equals));
    const value = equals === -1 ? "" : decode(pair.slice(equals + 1));
    const values = parameters.get(name);
    if (values === undefined) parameters.set(name, [value]);
    else values.push(value);
  }
  return parameters;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    throw new CofferError("REQUEST_MALFORMED", "the query is not validly percent-encoded UTF-8");
  }
}
