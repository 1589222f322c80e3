// Checks one request of a sandbox: refuses it, or finds the placeholders to replace.
import type { EgressLimits, EgressRule } from "./egress-rule.ts";
import { connectionTokens } from "./forwarded-headers.ts";
import { type Destination, framingFault, type RequestHead, valuesOf } from "./framing.ts";
import { type HostPattern, matchesHost } from "./host-pattern.ts";
import { type Slot, slotsOf } from "./inject.ts";
import { networkRefusal } from "./network-limits.ts";
import { candidatesIn } from "./placeholder.ts";
import type { Refusal } from "./refusal.ts";
import { type EgressBinding, type EgressSandbox, isLetIn } from "./sandbox.ts";

/** One secret and the headers that contain its placeholder. */
export interface Swap {
  binding: EgressBinding;
  limits: EgressLimits;
  /** `index`: the position of the header's value in the raw headers. */
  places: readonly { index: number; slot: Slot }[];
}

/** `foreignPlaceholder`: a placeholder that the sandbox does not hold, or holds no longer. */
type Checked = { refusal: Refusal } | { foreignPlaceholder: string } | { swaps: readonly Swap[] };

/** Whether a secret that is bound to the sandbox may go to the host. */
export function hasRuleFor({ bindings }: EgressSandbox, host: string): boolean {
  return bindings.some(({ rule }) => rule && isAmong(rule.hosts, host));
}

/** Whether a secret that the sandbox could use before may go to the host. */
export function hadRuleFor({ formerHosts }: EgressSandbox, host: string): boolean {
  return isAmong(formerHosts, host);
}

function isAmong(patterns: readonly HostPattern[], host: string): boolean {
  return patterns.some((pattern) => matchesHost(pattern, host));
}

/** `route`: the host that the request goes to, and the address it comes from. `isPlaceholder`: whether a text is a placeholder of any sandbox. */
export function checkRequest(
  sandbox: EgressSandbox,
  route: Destination & { address: string },
  head: RequestHead,
  isPlaceholder: (text: string) => boolean,
): Checked {
  const fault = framingFault(head, route);
  if (fault) return { refusal: { code: fault } };
  const outside = networkRefusal(sandbox.network, route.host);
  if (outside) return { refusal: { code: outside } };
  const swaps: Swap[] = [];
  for (const binding of sandbox.bindings) {
    const checked = checkBinding(binding, route.host, head);
    if (checked && "code" in checked) return { refusal: checked };
    if (!checked) continue;
    if (!isLetIn(binding, sandbox, route.address)) {
      return { refusal: { code: "access_policy_denied", secretId: binding.secretId } };
    }
    swaps.push(checked);
  }
  const foreignPlaceholder = findForeignPlaceholder(sandbox, head, isPlaceholder);
  if (foreignPlaceholder !== undefined) return { foreignPlaceholder };
  if (swaps.length === 0 && sandbox.unmatched === "DENY" && !hasRuleFor(sandbox, route.host)) {
    return { refusal: { code: "unmatched_host_denied" } };
  }
  return { swaps };
}

/** Returns a placeholder of another sandbox, or one that the sandbox has given up. */
function findForeignPlaceholder(
  { bindings }: EgressSandbox,
  { target, rawHeaders }: RequestHead,
  isPlaceholder: (text: string) => boolean,
): string | undefined {
  const texts = [target, percentDecoded(target), ...rawHeaders, ...rawHeaders.map(userAndPassword)];
  const isOwn = (text: string) => bindings.some(({ placeholder }) => placeholder === text);
  return texts.flatMap(candidatesIn).find((found) => !isOwn(found) && isPlaceholder(found));
}

/** Returns undefined when the request does not contain the placeholder. */
function checkBinding(binding: EgressBinding, host: string, head: RequestHead): Swap | Refusal | undefined {
  const { placeholder, rule, secretId } = binding;
  const { rawHeaders, target } = head;
  const inTarget = target.includes(placeholder) || percentDecoded(target).includes(placeholder);
  const indexes = rawHeaders.flatMap((text, i) =>
    text.includes(placeholder) || userAndPassword(text).includes(placeholder) ? [i] : [],
  );
  if (!inTarget && indexes.length === 0) return undefined;
  if (!rule) return { code: "credential_revoked", secretId };
  const slots = slotsFor(rule, host);
  if (!slots) return { code: "credential_host_mismatch", secretId };
  const places = indexes.map((index) => {
    const name = rawHeaders[index - 1]?.toLowerCase();
    const slot = slots.find(({ header, find }) => header === name && find(rawHeaders[index] ?? "") === placeholder);
    return slot && index % 2 === 1 ? { index, slot } : undefined;
  });
  if (inTarget || places.includes(undefined)) return { code: "credential_misplaced", secretId };
  const found = places.filter((place) => place !== undefined);
  const dropped = connectionTokens(rawHeaders);
  const isOdd = ({ slot: { header } }: { slot: Slot }) =>
    dropped.has(header) || valuesOf(rawHeaders, header).length > 1;
  if (found.some(isOdd)) return { code: "bad_request", secretId };
  if (!allowsMethod(rule.limits, head.method)) return { code: "method_not_allowed", secretId };
  if (!allowsPath(rule.limits, target)) return { code: "path_not_allowed", secretId };
  return { binding, limits: rule.limits, places: found };
}

/** Returns the decoded user and password as Latin-1; empty without them. */
function userAndPassword(headerValue: string): string {
  const encoded = /^basic +(\S+) *$/i.exec(headerValue)?.[1];
  return encoded === undefined ? "" : Buffer.from(encoded, "base64").toString("latin1");
}

function slotsFor(rule: EgressRule, host: string): readonly Slot[] | undefined {
  const found = rule.schemes.find(({ hosts }) => hosts.some((pattern) => matchesHost(pattern, host)));
  return found && slotsOf(found.scheme);
}

function allowsMethod({ methods }: EgressLimits, method: string): boolean {
  return methods.length === 0 || methods.includes(method.toUpperCase());
}

/** Returns false for a path that a host could read differently than the proxy. */
function allowsPath({ pathPrefixes }: EgressLimits, target: string): boolean {
  if (pathPrefixes.length === 0) return true;
  const path = plainPath(target);
  return pathPrefixes.some((prefix) => {
    const whole = prefix.replace(/\/+$/, "");
    return path === whole || path?.startsWith(`${whole}/`);
  });
}

/** Returns the decoded path of a target; undefined when some servers could read it differently. */
function plainPath(target: string): string | undefined {
  const [path = ""] = target.split("?");
  // A fragment, encoded slashes and percent signs, and invalid encodings (%u002e).
  if (/#|%(?:2f|5c|25|(?![0-9a-f]{2}))/i.test(path)) return undefined;
  let decoded: string;
  try {
    // Fails for overlong and other ill-formed UTF-8 (%c0%ae).
    decoded = decodeURIComponent(path);
  } catch {
    return undefined;
  }
  // Some servers drop control characters and spaces, or fold characters to those that look like them (fullwidth dots and slashes).
  const read = decoded.normalize("NFKC").replaceAll(/[\p{C}\p{Z}]/gu, "");
  const isOdd = /[\p{C}]/u.test(decoded) || /\\|\/\/|(?:^|\/)\.+(?:[/;]|$)/.test(read);
  return isOdd || slashesIn(read) !== slashesIn(decoded) ? undefined : decoded;
}

function slashesIn(text: string): number {
  return text.split("/").length;
}

/** Decodes byte by byte, and keeps everything that is not an encoding. */
function percentDecoded(text: string): string {
  return text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
