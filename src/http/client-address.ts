// Finds the client's address of a request: the socket's peer, or the address that trusted proxies report.
import { type BlockList, isIP } from "node:net";

export interface ForwardedHeaders {
  /** X-Forwarded-For: each proxy appends the address of its peer. */
  forwardedFor: string | null;
  /** X-Real-IP: the address of the last proxy's peer. It counts only if X-Forwarded-For is absent. */
  realIp: string | null;
}

/** Returns undefined if the socket is closed. */
export function clientAddress(
  peerAddress: string | undefined,
  { forwardedFor, realIp }: ForwardedHeaders,
  trustedProxies: BlockList | undefined,
): string | undefined {
  if (peerAddress === undefined) return undefined;
  let address = normalizeAddress(peerAddress);
  if (trustedProxies === undefined) return address;
  if (forwardedFor === null) {
    const real = normalizeAddress(realIp?.trim() ?? "");
    return isIP(real) !== 0 && isTrusted(trustedProxies, address) ? real : address;
  }
  // Each proxy appends the address of its peer. Read from the right, and stop at the first address that is not a trusted proxy's.
  for (const hop of forwardedFor.split(",").reverse()) {
    if (!isTrusted(trustedProxies, address)) return address;
    const next = normalizeAddress(hop.trim());
    if (isIP(next) === 0) return address;
    address = next;
  }
  return address;
}

/** Returns whether the socket's peer is a trusted proxy. */
export function isTrustedPeer(peerAddress: string | undefined, trustedProxies: BlockList | undefined): boolean {
  if (peerAddress === undefined || trustedProxies === undefined) return false;
  return isTrusted(trustedProxies, normalizeAddress(peerAddress));
}

function isTrusted(trustedProxies: BlockList, address: string): boolean {
  return trustedProxies.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");
}

/** Returns the address without brackets, port, zone and the IPv4-in-IPv6 prefix. */
function normalizeAddress(text: string): string {
  if (/^[\d.]*$/.test(text)) return text;
  const [, bracketed] = /^\[([^\]]+)\](?::\d+)?$/.exec(text) ?? [];
  const [, dotted] = /^([\d.]+):\d+$/.exec(text) ?? [];
  const address = (bracketed ?? dotted ?? text).replace(/%.*$/, "").toLowerCase();
  return mappedIpv4(address) ?? address;
}

/** Returns the IPv4 address in an IPv4-mapped IPv6 address, in any of its notations. */
function mappedIpv4(address: string): string | undefined {
  if (!address.includes("ffff") || isIP(address) !== 6) return undefined;
  const [, high, low] = /^\[::ffff:([\da-f]+):([\da-f]+)\]$/.exec(new URL(`http://[${address}]/`).hostname) ?? [];
  if (high === undefined || low === undefined) return undefined;
  const bytes = Buffer.from(high.padStart(4, "0") + low.padStart(4, "0"), "hex");
  return bytes.join(".");
}
