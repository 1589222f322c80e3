// Builds a request's Headers from its raw header lines: Node joins or drops repeated ones silently, which must not decide who asks.
import { CofferError } from "../domain/error/errors.ts";
import { createHeaderMap } from "../rpc/header-map.ts";

const singleHeaders = new Set([
  "authorization",
  "x-api-key",
  "idempotency-key",
  "if-match",
  "akua-context",
  "x-organisation-identity",
  "x-project-identity",
  "host",
]);

/** As HTTP/1.1 has it from its parser, and HTTP/2 only after the client has acknowledged its settings. */
export const headerBlockBytesMax = 16 * 1024;

/** The headers without HTTP/2's pseudo-headers. Throws REQUEST_MALFORMED for doubled or contradicting ones, REQUEST_TOO_LARGE. */
export function readHeaders(rawHeaders: readonly string[]): Headers {
  if (rawHeaders.reduce((size, text) => size + text.length, 0) > headerBlockBytesMax) {
    throw new CofferError("REQUEST_TOO_LARGE", `the headers are larger than ${headerBlockBytesMax} bytes`);
  }
  const headers = createHeaderMap();
  const seen = new Set<string>();
  let authority: string | undefined;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] as string).toLowerCase();
    const value = rawHeaders[i + 1] as string;
    if (name === ":authority") authority = value;
    if (name.startsWith(":")) continue;
    if (singleHeaders.has(name)) {
      if (seen.has(name)) throw malformedHeader(name, "must be given once");
      seen.add(name);
    }
    headers.append(name, value);
  }
  if (seen.has("authorization") && seen.has("x-api-key")) {
    throw malformedHeader("x-api-key", "cannot be given together with authorization");
  }
  if (authority !== undefined && seen.has("host") && headers.get("host") !== authority) {
    throw malformedHeader("host", "must agree with :authority");
  }
  return headers;
}

function malformedHeader(name: string, rule: string): CofferError {
  return new CofferError("REQUEST_MALFORMED", `the header ${name} ${rule}`, { header: name });
}
