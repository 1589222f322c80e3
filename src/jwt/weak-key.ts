// Finds RSA keys whose signatures can be forged: too short, bad exponent, small factor, or the ROCA fault.
import type { JWK } from "jose";

/** NIST SP 800-131A. */
const modulusBitsMin = 2_048;
const primes = smallPrimes(167);

/** Returns why an RSA key is too weak; undefined for a strong key and for other kinds of keys. */
export function weaknessOf({ kty, n = "", e = "" }: JWK): string | undefined {
  if (kty !== "RSA") return undefined;
  const modulus = integerOf(n);
  const exponent = integerOf(e);
  if (modulus.toString(2).length < modulusBitsMin) return `its modulus has fewer than ${modulusBitsMin} bits`;
  if (exponent < 3n || exponent % 2n === 0n) return "its public exponent is even or less than 3";
  if (modulus % 2n === 0n || primes.some((prime) => modulus % prime === 0n)) return "its modulus has a small factor";
  return isRoca(modulus) ? "it was made by a library with the ROCA fault (CVE-2017-15361)" : undefined;
}

/** ROCA primes are powers of 65537 modulo each small prime, and so is their product. One in 2^27 good keys also matches. */
function isRoca(modulus: bigint): boolean {
  return primes.every((prime) => powersOf(65_537n, prime).has(modulus % prime));
}

function powersOf(base: bigint, prime: bigint): ReadonlySet<bigint> {
  const powers = new Set<bigint>();
  for (let power = 1n; !powers.has(power); power = (power * base) % prime) powers.add(power);
  return powers;
}

/** The odd small primes. */
function smallPrimes(max: number): bigint[] {
  const found: number[] = [];
  for (let n = 3; n <= max; n += 2) if (found.every((prime) => n % prime !== 0)) found.push(n);
  return found.map(BigInt);
}

function integerOf(base64url: string): bigint {
  return BigInt(`0x0${Buffer.from(base64url, "base64url").toString("hex")}`);
}
