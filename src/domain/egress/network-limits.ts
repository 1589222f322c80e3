// The hosts that a sandbox may connect to at all. These limits count before those of its secrets and workspace.
import { checkAll, invalidField } from "../error/errors.ts";
import { type HostPattern, matchesHost, readHostPattern } from "./host-pattern.ts";

export interface NetworkLimits {
  /** Empty: any host. */
  allowOut: readonly HostPattern[];
  /** Patterns, or a range of all addresses, which denies every host that `allowOut` does not list. */
  denyOut: readonly string[];
}

const networkEntriesMax = 100;

/** The ranges that contain every address. */
const everything: ReadonlySet<string> = new Set(["0.0.0.0/0", "::/0"]);

/** Returns the refusal; undefined when the sandbox may connect. The deny list wins over the allow list. */
export function networkRefusal(
  limits: NetworkLimits | undefined,
  host: string,
): "host_denied" | "host_not_allowed" | undefined {
  if (!limits) return undefined;
  const { allowOut, denyOut } = limits;
  const isNamed = (pattern: string) => !everything.has(pattern) && matchesHost(pattern, host);
  if (denyOut.some(isNamed)) return "host_denied";
  if (allowOut.length > 0) return allowOut.some(isNamed) ? undefined : "host_not_allowed";
  return denyOut.some((entry) => everything.has(entry)) ? "host_denied" : undefined;
}

/** Returns the lists in canonical form, each entry once; undefined when both are empty. Fails with FIELD_INVALID, which names every broken entry. */
export function readNetworkLimits(given: {
  allowOut: readonly string[];
  denyOut: readonly string[];
}): NetworkLimits | undefined {
  const allowed = () => readList(given.allowOut, "network.allow_out", []);
  const denied = () => readList(given.denyOut, "network.deny_out", everything);
  checkAll(allowed, denied);
  const limits = { allowOut: allowed(), denyOut: denied() };
  return limits.allowOut.length + limits.denyOut.length === 0 ? undefined : limits;
}

function readList(entries: readonly string[], field: string, ranges: Iterable<string>): string[] {
  if (entries.length > networkEntriesMax) throw invalidField(field, `must have at most ${networkEntriesMax} entries`);
  const known = new Set(ranges);
  checkAll(...entries.map((entry, i) => () => readEntry(entry, `${field}[${i}]`, known)));
  return [...new Set(entries.map((entry, i) => readEntry(entry, `${field}[${i}]`, known)))];
}

function readEntry(entry: string, field: string, ranges: ReadonlySet<string>): string {
  const text = entry.trim();
  if (ranges.has(text)) return text;
  if (isAddressOrRange(text)) {
    throw invalidField(
      field,
      "must be a host name: the proxy decides by names and does not enforce addresses; it always refuses private addresses; " +
        "0.0.0.0/0 in deny_out denies every host that allow_out does not list",
    );
  }
  const result = readHostPattern(text);
  if ("rule" in result) throw invalidField(field, result.rule);
  return result.pattern;
}

function isAddressOrRange(text: string): boolean {
  return /^(?:[0-9.]+(?:\/\d+)?|\[?[0-9a-f:.]*:[0-9a-f:.]*\]?(?:\/\d+)?)$/i.test(text);
}
