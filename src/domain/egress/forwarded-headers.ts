// Filters headers in both directions: drops those of one connection, those about the client's address, and those that speak for the proxy.

const hopByHop = [...["connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"]];
const ownOfRequest = new Set([
  ...hopByHop,
  // The proxy sets the destination and the framing of a request.
  ...["host", "content-length", "expect", "forwarded", "via", "http2-settings", "x-real-ip"],
]);
// Another protocol would bypass the proxy.
const ownOfResponse = new Set([...hopByHop, "alt-svc"]);

/** The header names in the Connection header, in lower case. */
export function connectionTokens(rawHeaders: readonly string[]): ReadonlySet<string> {
  const tokens = new Set<string>();
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    if (rawHeaders[i]?.toLowerCase() !== "connection") continue;
    for (const token of (rawHeaders[i + 1] ?? "").split(",")) tokens.add(token.trim().toLowerCase());
  }
  return tokens;
}

/** `headers` is a list of names and values in turn. */
export function requestHeaders(rawHeaders: readonly string[], isIdentityOnly: boolean): string[] {
  const kept = keep(
    rawHeaders,
    (name) =>
      !ownOfRequest.has(name) &&
      !name.startsWith("proxy-") &&
      !name.startsWith("x-forwarded-") &&
      !(isIdentityOnly && name === "accept-encoding"),
  );
  return isIdentityOnly ? [...kept, "accept-encoding", "identity"] : kept;
}

/** Drops the content length when the content may change. */
export function responseHeaders(rawHeaders: readonly string[], mayChange: boolean): string[] {
  return keep(
    rawHeaders,
    (name) =>
      !ownOfResponse.has(name) &&
      !name.startsWith("proxy-") &&
      !name.startsWith("x-superserve-proxy-") &&
      !(mayChange && name === "content-length"),
  );
}

function keep(rawHeaders: readonly string[], isKept: (name: string) => boolean): string[] {
  const dropped = connectionTokens(rawHeaders);
  const kept: string[] = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const [header = "", value = ""] = rawHeaders.slice(i, i + 2);
    const name = header.toLowerCase();
    if (!dropped.has(name) && isKept(name)) kept.push(header, value);
  }
  return kept;
}
