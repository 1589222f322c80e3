// Which hosts a credential may go to: exact names, or `*.` for exactly one more label before one.
import { parse } from "tldts";

/** In canonical form: lower case, no dot at its end. */
export type HostPattern = string;

const label = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?";
// Judged as it is written: some letters beyond ASCII have lower-case forms within it.
const patternRule = new RegExp(`^(?:\\*\\.)?${label}(?:\\.${label})+$`, "i");
const lengthMax = 253;

/** The canonical form of a pattern, or the rule that it breaks, in words. */
export function readHostPattern(text: string): { pattern: HostPattern } | { rule: string } {
  const written = text.trim();
  if (!patternRule.test(written) || written.length > lengthMax) {
    return { rule: "must be a host name with a dot in it, such as api.example.com or *.example.com" };
  }
  const pattern = written.toLowerCase();
  const name = pattern.replace(/^\*\./, "");
  // Whatever a browser or resolver would read as an address is none: 127.1 and 0x7f.0.0.1 too.
  if (canonicalHost(name) !== name || /^[0-9.]+$/.test(name)) return { rule: "must be a name, not an address" };
  if (pattern !== name && isPublicSuffix(name)) {
    return { rule: `must not be a wildcard on ${name}, below which anybody can have a name` };
  }
  return { pattern };
}

/** Whether a canonical host is one that the pattern names. */
export function matchesHost(pattern: HostPattern, host: string): boolean {
  if (!pattern.startsWith("*.")) return pattern === host;
  const dot = host.indexOf(".");
  return dot > 0 && host.slice(dot) === pattern.slice(1);
}

/** Whether every host of `inner` is one of `outer`. */
export function coversHosts(outer: HostPattern, inner: HostPattern): boolean {
  return outer === inner || (!inner.startsWith("*.") && matchesHost(outer, inner));
}

/** Whether some host is one of both. */
export function overlaps(a: HostPattern, b: HostPattern): boolean {
  return coversHosts(a, b) || coversHosts(b, a);
}

/** As the WHATWG URL standard writes a host; undefined for what is none. */
function canonicalHost(host: string): string | undefined {
  return URL.parse(`https://${host}/`)?.hostname;
}

function isPublicSuffix(name: string): boolean {
  const { publicSuffix, isIcann, isPrivate } = parse(name, { allowPrivateDomains: true });
  return publicSuffix === name && Boolean(isIcann || isPrivate);
}
