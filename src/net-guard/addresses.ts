// Decides which addresses are on the public internet.
import { isIPv4, isIPv6 } from "node:net";

// IANA's special-purpose registries. All other addresses are global unicast.
const specialIpv4 = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  // Includes the metadata services of clouds.
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.88.99.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  // Multicast and the reserved addresses above it.
  "224.0.0.0/3",
  // A public address, but Azure serves it inside every virtual machine.
  "168.63.129.16/32",
].map(toRange);

// Global unicast is 2000::/3: mapped and translated IPv4 (::ffff:0:0/96, 64:ff9b::/96, 64:ff9b:1::/48), local and multicast
// addresses lie outside of it.
const globalIpv6 = toRange("2000::/3");
const specialIpv6 = ["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"].map(toRange);

/** Also false for invalid addresses and for addresses with a zone. */
export function isGlobalUnicast(address: string): boolean {
  const bytes = addressBytes(address);
  if (bytes === undefined) return false;
  if (bytes.length === 4) return !specialIpv4.some((range) => contains(range, bytes));
  return contains(globalIpv6, bytes) && !specialIpv6.some((range) => contains(range, bytes));
}

/** Whether two texts are the same address. */
export function isSameAddress(one: string, other: string): boolean {
  const bytes = addressBytes(one);
  const others = addressBytes(other);
  return bytes !== undefined && others !== undefined && Buffer.compare(bytes, others) === 0;
}

interface Range {
  bytes: Uint8Array;
  prefixBits: number;
}

function toRange(cidr: string): Range {
  const [address = "", bits] = cidr.split("/");
  const bytes = addressBytes(address);
  if (bytes === undefined) throw new Error(`${cidr} is not a range`);
  return { bytes, prefixBits: Number(bits) };
}

function contains({ bytes, prefixBits }: Range, address: Uint8Array): boolean {
  return bytes.every((byte, index) => {
    const bits = Math.min(8, Math.max(0, prefixBits - 8 * index));
    const mask = (0xff << (8 - bits)) & 0xff;
    return (byte & mask) === ((address[index] ?? 0) & mask);
  });
}

function addressBytes(address: string): Uint8Array | undefined {
  if (isIPv4(address)) return Uint8Array.from(address.split("."), Number);
  if (!isIPv6(address) || address.includes("%")) return undefined;
  const [head = "", tail] = address.split("::");
  const before = groupBytes(head);
  if (tail === undefined) return Uint8Array.from(before);
  const after = groupBytes(tail);
  return Uint8Array.from([...before, ...new Array<number>(16 - before.length - after.length).fill(0), ...after]);
}

/** The last group may be an IPv4 address. */
function groupBytes(text: string): number[] {
  if (text === "") return [];
  return text.split(":").flatMap((group) => {
    if (group.includes(".")) return group.split(".").map(Number);
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}
