// Selects the headers that are passed on. Headers of one connection, of the request's origin and of the proxy itself are removed.

const hopByHop = [...["connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"]];
const ownOfRequest = new Set([
  ...hopByHop,
  // The proxy sets the host and the length of a request itself.
  ...["host", "content-length", "expect", "forwarded", "via", "http2-settings", "x-real-ip"],
]);
// Another protocol would go around the proxy.
const ownOfResponse = new Set([...hopByHop, "alt-svc"]);

/** Returns the names in the Connection header, in lower case. */
export function connectionTokens(rawHeaders: readonly string[]): ReadonlySet<string> {
  const tokens = new Set<string>();
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    if (rawHeaders[i]?.toLowerCase() !== "connection") continue;
    for (const token of (rawHeaders[i + 1] ?? "").split(",")) tokens.add(token.trim().toLowerCase());
  }
  return tokens;
}

/** Names and values in turn, as they are given. */
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

/** Leaves out the length when the body may change. */
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
