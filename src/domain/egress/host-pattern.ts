// The hosts that a credential may be sent to: exact names, or `*.` for exactly one more label.
import { parse } from "tldts";

/** Canonical: lower case, without a dot at its end. */
export type HostPattern = string;

const label = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?";
// Checked before it is put in lower case, because some letters beyond ASCII have ASCII lower-case forms.
const patternRule = new RegExp(`^(?:\\*\\.)?${label}(?:\\.${label})+$`, "i");
const lengthMax = 253;

/** Returns the canonical form of a pattern, or the rule that it breaks. */
export function readHostPattern(text: string): { pattern: HostPattern } | { rule: string } {
  const written = text.trim();
  if (!patternRule.test(written) || written.length > lengthMax) {
    return { rule: "must be a host name with a dot in it, such as api.example.com or *.example.com" };
  }
  const pattern = written.toLowerCase();
  const name = pattern.replace(/^\*\./, "");
  // Texts that a browser or resolver would read as an address are refused, also 127.1 and 0x7f.0.0.1.
  if (canonicalHost(name) !== name || /^[0-9.]+$/.test(name)) return { rule: "must be a name, not an address" };
  // RFC 6761, 6.3.
  if (name.endsWith(".localhost")) return { rule: "must not be below localhost" };
  if (pattern !== name && isPublicSuffix(name)) {
    return { rule: `must not be a wildcard on ${name}, below which anybody can have a name` };
  }
  return { pattern };
}

/** Whether the pattern matches a canonical host. */
export function matchesHost(pattern: HostPattern, host: string): boolean {
  if (!pattern.startsWith("*.")) return pattern === host;
  const dot = host.indexOf(".");
  return dot > 0 && host.slice(dot) === pattern.slice(1);
}

/** Whether `outer` matches every host that `inner` matches. */
export function coversHosts(outer: HostPattern, inner: HostPattern): boolean {
  return outer === inner || (!inner.startsWith("*.") && matchesHost(outer, inner));
}

/** Whether both match the same host. */
export function overlaps(a: HostPattern, b: HostPattern): boolean {
  return coversHosts(a, b) || coversHosts(b, a);
}

/** Returns a host as the WHATWG URL standard writes it; undefined for a text that is not a host. */
function canonicalHost(host: string): string | undefined {
  return URL.parse(`https://${host}/`)?.hostname;
}

function isPublicSuffix(name: string): boolean {
  const { publicSuffix, isIcann, isPrivate } = parse(name, { allowPrivateDomains: true });
  return publicSuffix === name && Boolean(isIcann || isPrivate);
}
