// Refuses requests that two servers could read differently, before a value is written into them.
import { connectionTokens } from "./forwarded-headers.ts";

/** A request without its body. */
export interface RequestHead {
  method: string;
  httpVersion: string;
  /** The request target as sent. */
  target: string;
  /** Names and values in turn, as sent. */
  rawHeaders: readonly string[];
}

/** The destination of a tunnel. */
export interface Destination {
  /** Canonical. */
  host: string;
  port: number;
}

// These headers change the method or path after the check.
const overrides = new Set([
  ...["x-http-method-override", "x-http-method", "x-method-override"],
  ...["x-original-url", "x-rewrite-url"],
]);
/** Without these headers a server would read the body as the next request. */
const neverOfOneConnection = ["content-length", "transfer-encoding", "host"];

/** Returns all values of a header. `name` is in lower case. */
export function valuesOf(rawHeaders: readonly string[], name: string): string[] {
  return rawHeaders.filter((_, i) => i % 2 === 1 && rawHeaders[i - 1]?.toLowerCase() === name);
}

/** Returns the refusal; undefined for a well-framed request. */
export function framingFault(
  { method, httpVersion, target, rawHeaders }: RequestHead,
  { host, port }: Destination,
): "bad_request" | "method_not_allowed" | undefined {
  if (/^(?:TRACE|TRACK|CONNECT)$/i.test(method)) return "method_not_allowed";
  // Node's parser refuses obs-fold, NUL, and a length beside a transfer coding. It accepts everything below.
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

/** Gateways pass header names to programs with `_` for `-`, so the two count as equal. */
function spelled(name: string): string {
  return name.toLowerCase().replaceAll("_", "-");
}

/** Whether the text names the destination. Only the port of https may be omitted. */
function isAuthority(text: string, { host, port }: Destination): boolean {
  const lower = text.toLowerCase();
  return lower === `${host}:${port}` || (port === 443 && lower === host);
}
