// Finds requests that two servers could read differently. They are refused before a value is put into them.
import { connectionTokens } from "./forwarded-headers.ts";

/** A request without its body. */
export interface RequestHead {
  method: string;
  httpVersion: string;
  /** As it was sent. */
  target: string;
  /** Names and values in turn, as they were sent. */
  rawHeaders: readonly string[];
}

/** The destination of the requests of a tunnel. */
export interface Destination {
  /** Canonical. */
  host: string;
  port: number;
}

// Headers that would change the method or the path after the check.
const overrides = new Set([
  ...["x-http-method-override", "x-http-method", "x-method-override"],
  ...["x-original-url", "x-rewrite-url"],
]);
/** Headers that must not be dropped: without them a body would be read as the next request. */
const neverOfOneConnection = ["content-length", "transfer-encoding", "host"];

/** Returns all values of a header. `name` is in lower case. */
export function valuesOf(rawHeaders: readonly string[], name: string): string[] {
  return rawHeaders.filter((_, i) => i % 2 === 1 && rawHeaders[i - 1]?.toLowerCase() === name);
}

/** Returns undefined for a well-framed request. */
export function framingFault(
  { method, httpVersion, target, rawHeaders }: RequestHead,
  { host, port }: Destination,
): "bad_request" | "method_not_allowed" | undefined {
  if (/^(?:TRACE|TRACK|CONNECT)$/i.test(method)) return "method_not_allowed";
  // Node's parser refuses obs-fold, NUL and a length beside a transfer coding. It accepts all of the following.
  const codings = valuesOf(rawHeaders, "transfer-encoding");
  const lengths = valuesOf(rawHeaders, "content-length");
  if (codings.length > 0 && (httpVersion !== "1.1" || lengths.length > 0)) return "bad_request";
  if (codings.length > 1 || codings.some((coding) => coding.toLowerCase() !== "chunked")) return "bad_request";
  if (lengths.length > 1) return "bad_request";
  const dropped = connectionTokens(rawHeaders);
  if (neverOfOneConnection.some((name) => dropped.has(name))) return "bad_request";
  const [named, ...others] = valuesOf(rawHeaders, "host");
  if (named === undefined || others.length > 0 || !isAuthority(named, { host, port })) return "bad_request";
  if (!target.startsWith("/") && !(target === "*" && method === "OPTIONS")) return "bad_request";
  return rawHeaders.some((name, i) => i % 2 === 0 && overrides.has(spelled(name))) ? "bad_request" : undefined;
}

/** Gateways do not distinguish `_` and `-` in the names that they give to programs. */
function spelled(name: string): string {
  return name.toLowerCase().replaceAll("_", "-");
}

/** Whether the text names the destination. Only the port of https may be left out. */
function isAuthority(text: string, { host, port }: Destination): boolean {
  const lower = text.toLowerCase();
  return lower === `${host}:${port}` || (port === 443 && lower === host);
}
