// Whose address a request counts for: the socket's peer, or what trusted proxies say of theirs.
import { type BlockList, isIP } from "node:net";

/** Undefined when the socket is gone already. */
export function clientAddress(
  peerAddress: string | undefined,
  forwardedFor: string | null,
  trustedProxies: BlockList | undefined,
): string | undefined {
  if (peerAddress === undefined) return undefined;
  let address = normalizeAddress(peerAddress);
  if (trustedProxies === undefined) return address;
  // Each proxy appends the peer it saw, so only what a trusted one wrote counts: from the right, until somebody else speaks.
  for (const hop of (forwardedFor ?? "").split(",").reverse()) {
    if (!isTrusted(trustedProxies, address)) return address;
    const next = normalizeAddress(hop.trim());
    if (isIP(next) === 0) return address;
    address = next;
  }
  return address;
}

function isTrusted(trustedProxies: BlockList, address: string): boolean {
  return trustedProxies.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");
}

/** Without brackets, port, zone and the IPv4-in-IPv6 prefix. */
function normalizeAddress(text: string): string {
  if (/^[\d.]*$/.test(text)) return text;
  const [, bracketed] = /^\[([^\]]+)\](?::\d+)?$/.exec(text) ?? [];
  const [, dotted] = /^([\d.]+):\d+$/.exec(text) ?? [];
  const address = (bracketed ?? dotted ?? text).replace(/%.*$/, "").toLowerCase();
  const [, mapped] = /^::ffff:([\d.]+)$/.exec(address) ?? [];
  return mapped ?? address;
}
