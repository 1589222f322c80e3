// ECDSA (FIPS 186-5, 6.4) over a hash that a caller has made. node:crypto signs only what it has hashed itself, so its ECDH multiplies the points.
import { createECDH, ECDH, type KeyObject } from "node:crypto";
import type { RandomBytes } from "../domain/random.ts";

interface Curve {
  /** As node:crypto calls it. */
  name: string;
  /** The prime of the field. */
  p: bigint;
  /** The order of the base point. */
  n: bigint;
  sizeBytes: number;
}

const curves: Readonly<Record<string, Curve>> = {
  prime256v1: {
    name: "prime256v1",
    p: 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n,
    n: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
    sizeBytes: 32,
  },
  secp384r1: {
    name: "secp384r1",
    p: 2n ** 384n - 2n ** 128n - 2n ** 96n + 2n ** 32n - 1n,
    n: 0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
    sizeBytes: 48,
  },
  secp521r1: {
    name: "secp521r1",
    p: 2n ** 521n - 1n,
    n: 0x1fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409n,
    sizeBytes: 66,
  },
};

/** A signature in DER. */
export function signDigestEcdsa(privateKey: KeyObject, digest: Uint8Array, random: RandomBytes): Buffer {
  const curve = curveOf(privateKey);
  const { n } = curve;
  const d = secretOf(privateKey, curve);
  const nonce = newNonce(curve);
  const r = nonce.point.x % n;
  // s = (z + rd) / k. The blinding factor on both sides keeps the timing of the arithmetic from telling of k and d.
  const b = 1n + (toNumber(random(curve.sizeBytes + 8)) % (n - 1n));
  const sum = (b * digestNumber(digest, curve) + ((r * b) % n) * d) % n;
  const s = (invert((nonce.scalar * b) % n, n) * sum) % n;
  // As good as impossible; the standard says to begin again.
  if (r === 0n || s === 0n) return signDigestEcdsa(privateKey, digest, random);
  return derOf(r, s);
}

/** Tells of a public key whether the signature of this hash is by it. */
export type EcdsaVerifier = (publicKey: KeyObject) => boolean;

/**
 * Valid if the point (z/s)G + (r/s)Q has the x coordinate r, which is: if Q + (z/r)G is (s/r)R, for a point R with that coordinate. Only
 * the addition depends on the key Q. The multiplications take milliseconds, so they are made once for all keys of a curve.
 */
export function createEcdsaVerifier(digest: Uint8Array, signature: Uint8Array): EcdsaVerifier {
  const known = new Map<Curve, Expected | undefined>();
  return (publicKey) => {
    const curve = curveOf(publicKey);
    if (!known.has(curve)) known.set(curve, expectedOf(curve, digest, signature));
    const expected = known.get(curve);
    if (!expected) return false;
    const q = pointOf(publicKey);
    const sum = expected.offset ? add(q, expected.offset, curve) : q;
    return sum !== undefined && expected.xs.includes(sum.x);
  };
}

interface Expected {
  /** (z/r)G; undefined: the point at infinity. */
  offset: Point | undefined;
  /** The x coordinates of (s/r)R: R and -R have the same. */
  xs: readonly bigint[];
}

/** Undefined when the signature is by no key of the curve. */
function expectedOf(curve: Curve, digest: Uint8Array, signature: Uint8Array): Expected | undefined {
  const { n, p, name } = curve;
  const [r, s] = readDer(Buffer.from(signature), curve) ?? [0n, 0n];
  if (r < 1n || r >= n || s < 1n || s >= n) return undefined;
  const inverse = invert(r, n);
  const ecdh = createECDH(name);
  ecdh.setPrivateKey(bytesOf((s * inverse) % n, curve));
  // The coordinate was reduced by the order, which is a little below the prime.
  const points = [r, r + n].filter((x) => x < p).flatMap((x) => pointAt(x, curve) ?? []);
  if (points.length === 0) return undefined;
  const t = (digestNumber(digest, curve) * inverse) % n;
  return {
    offset: t === 0n ? undefined : multiplyBase(t, curve),
    xs: points.map((point) => toNumber(ecdh.computeSecret(point))),
  };
}

/** One of the two points with this x coordinate; undefined when the curve has none. */
function pointAt(x: bigint, curve: Curve): Buffer | undefined {
  try {
    const compressed = Buffer.concat([Uint8Array.of(2), bytesOf(x, curve)]);
    return ECDH.convertKey(compressed, curve.name, undefined, undefined, "uncompressed") as Buffer;
  } catch {
    return undefined;
  }
}

interface Point {
  x: bigint;
  y: bigint;
}

function curveOf({ asymmetricKeyDetails }: KeyObject): Curve {
  const curve = curves[asymmetricKeyDetails?.namedCurve ?? ""];
  if (!curve) throw new TypeError("not a key of a known curve");
  return curve;
}

/** In SEC 1 (RFC 5915) the number is an octet string as long as the order, behind the version. */
function secretOf(key: KeyObject, { sizeBytes }: Curve): bigint {
  const der = key.export({ format: "der", type: "sec1" });
  const start = der.indexOf(Buffer.from([2, 1, 1, 4, sizeBytes])) + 5;
  const d = toNumber(der.subarray(start, start + sizeBytes));
  der.fill(0);
  return d;
}

/** The last bytes of an SPKI are the point. */
function pointOf(key: KeyObject): Point {
  const { sizeBytes } = curveOf(key);
  return decodePoint(key.export({ format: "der", type: "spki" }).subarray(-1 - 2 * sizeBytes));
}

function newNonce({ name }: Curve): { scalar: bigint; point: Point } {
  const ecdh = createECDH(name);
  const point = decodePoint(ecdh.generateKeys());
  const bytes = ecdh.getPrivateKey();
  const scalar = toNumber(bytes);
  bytes.fill(0);
  return { scalar, point };
}

function multiplyBase(scalar: bigint, curve: Curve): Point {
  const ecdh = createECDH(curve.name);
  ecdh.setPrivateKey(bytesOf(scalar, curve));
  return decodePoint(ecdh.getPublicKey());
}

/** On public points only. Undefined: the point at infinity. */
function add(a: Point, b: Point, { p }: Curve): Point | undefined {
  if (a.x === b.x && a.y !== b.y) return undefined;
  // All three curves have the coefficient a = -3.
  const slope =
    a.x === b.x ? (3n * a.x * a.x - 3n) * invert(mod(2n * a.y, p), p) : (b.y - a.y) * invert(mod(b.x - a.x, p), p);
  const x = mod(slope * slope - a.x - b.x, p);
  return { x, y: mod(slope * (a.x - x) - a.y, p) };
}

/** The leftmost bits of the hash, as many as the order has. */
function digestNumber(digest: Uint8Array, { n }: Curve): bigint {
  const spare = 8 * digest.byteLength - n.toString(2).length;
  const number = toNumber(digest);
  return (spare > 0 ? number >> BigInt(spare) : number) % n;
}

/** By the extended algorithm of Euclid. */
function invert(value: bigint, modulus: bigint): bigint {
  let [a, b, x, y] = [value, modulus, 1n, 0n];
  while (b !== 0n) [a, b, x, y] = [b, a % b, y, x - (a / b) * y];
  return mod(x, modulus);
}

function mod(value: bigint, modulus: bigint): bigint {
  const rest = value % modulus;
  return rest < 0n ? rest + modulus : rest;
}

function decodePoint(bytes: Buffer): Point {
  const middle = (bytes.byteLength + 1) / 2;
  return { x: toNumber(bytes.subarray(1, middle)), y: toNumber(bytes.subarray(middle)) };
}

function toNumber(bytes: Uint8Array): bigint {
  return BigInt(`0x0${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex")}`);
}

function bytesOf(value: bigint, { sizeBytes }: Curve): Buffer {
  return Buffer.from(value.toString(16).padStart(2 * sizeBytes, "0"), "hex");
}

function derOf(r: bigint, s: bigint): Buffer {
  const numbers = Buffer.concat([r, s].map(derNumber));
  // Only those of P-521 have 128 bytes or more.
  const long = numbers.byteLength >= 128 ? [0x81] : [];
  return Buffer.concat([Uint8Array.of(0x30, ...long, numbers.byteLength), numbers]);
}

function derNumber(value: bigint): Buffer {
  const hex = value.toString(16);
  const bytes = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, "hex");
  const sign = (bytes[0] as number) >= 0x80 ? [0] : [];
  return Buffer.concat([Uint8Array.of(2, sign.length + bytes.byteLength, ...sign), bytes]);
}

/** Undefined unless it is exactly what `derOf` writes. */
function readDer(der: Buffer, { sizeBytes }: Curve): [r: bigint, s: bigint] | undefined {
  const start = der[1] === 0x81 ? 3 : 2;
  const rSize = der[start + 1] ?? 0;
  const r = der.subarray(start + 2, start + 2 + rSize);
  const s = der.subarray(start + 2 + rSize + 2);
  if (r.byteLength === 0 || s.byteLength === 0 || Math.max(r.byteLength, s.byteLength) > sizeBytes + 1)
    return undefined;
  const numbers: [bigint, bigint] = [toNumber(r), toNumber(s)];
  return derOf(...numbers).equals(der) ? numbers : undefined;
}
