// Address ranges, IPv4 and IPv6, as text in normal form. An IPv4-mapped IPv6 address (`::ffff:`) counts as the IPv4 address.

interface Address {
  bits: 32 | 128;
  value: bigint;
}

/** Returns the normal form of an address or CIDR range; undefined when it is not valid or has a bit set after the prefix. */
export function normalRange(text: string): string | undefined {
  const range = readRange(text);
  return range && `${addressText(range.address)}/${range.prefixBits}`;
}

/** Whether the range contains the address. False for an invalid address. */
export function rangeHolds(rangeText: string, addressToFind: string): boolean {
  const range = readRange(rangeText);
  const address = readAddress(addressToFind);
  if (!range || !address || address.bits !== range.address.bits) return false;
  const shift = BigInt(address.bits - range.prefixBits);
  return address.value >> shift === range.address.value >> shift;
}

/** Returns the normal form of an address; undefined when it is not valid. */
export function canonicalAddress(text: string): string | undefined {
  const address = readAddress(text);
  return address && addressText(address);
}

const mappedPrefix = 0xffffn;
const mappedPrefixBits = 96;

function readRange(text: string): { address: Address; prefixBits: number } | undefined {
  const [, host = "", prefix] = /^([^/]*)(?:\/(0|[1-9]\d{0,2}))?$/.exec(text) ?? [];
  const written = readAsWritten(host);
  if (!written) return undefined;
  const prefixBits = prefix === undefined ? written.bits : Number(prefix);
  if (prefixBits > written.bits) return undefined;
  if (BigInt.asUintN(written.bits - prefixBits, written.value) !== 0n) return undefined;
  const address = unmapped(written);
  // Mapped addresses with a shorter prefix were refused: bits of the mapping would be set after the prefix.
  return { address, prefixBits: address === written ? prefixBits : prefixBits - mappedPrefixBits };
}

function readAddress(text: string): Address | undefined {
  const written = readAsWritten(text);
  return written && unmapped(written);
}

function unmapped(address: Address): Address {
  const isMapped = address.bits === 128 && address.value >> 32n === mappedPrefix;
  return isMapped ? { bits: 32, value: BigInt.asUintN(32, address.value) } : address;
}

function readAsWritten(text: string): Address | undefined {
  if (!text.includes(":")) return readIpv4(text);
  const host = `http://[${text}]/`;
  if (!/^[\da-f:.]{2,45}$/i.test(text) || !URL.canParse(host)) return undefined;
  const [head = "", tail] = new URL(host).hostname.slice(1, -1).split("::");
  const before = groupsOf(head);
  const after = groupsOf(tail ?? "");
  const between = new Array<string>(8 - before.length - after.length).fill("0");
  const hex = [...before, ...between, ...after].map((group) => group.padStart(4, "0")).join("");
  return { bits: 128, value: BigInt(`0x${hex}`) };
}

function groupsOf(text: string): string[] {
  return text === "" ? [] : text.split(":");
}

// Some programs read numbers with a leading zero as octal.
function readIpv4(text: string): Address | undefined {
  const parts = text.split(".");
  const bytes = parts.map(Number);
  if (bytes.length !== 4 || bytes.some((byte, index) => !(byte >= 0 && byte <= 255) || String(byte) !== parts[index])) {
    return undefined;
  }
  return { bits: 32, value: bytes.reduce((value, byte) => value * 256n + BigInt(byte), 0n) };
}

function addressText({ bits, value }: Address): string {
  if (bits === 32) return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join(".");
  const groups = value.toString(16).padStart(32, "0").match(/.{4}/g) ?? [];
  return new URL(`http://[${groups.join(":")}]/`).hostname.slice(1, -1);
}
