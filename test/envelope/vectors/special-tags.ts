// Finds associated data for which a chosen tag is the right one, by solving GHASH and Poly1305 for their one free block.
import { createCipheriv } from "node:crypto";
import { type AlgorithmName, ciphers } from "./primitives.ts";

/** 16 bytes of associated data that give the empty message this tag, or undefined when this nonce has none. */
export function aadForTag(algorithm: AlgorithmName, key: Buffer, nonce: Buffer, tag: Buffer): Buffer | undefined {
  return algorithm === "chacha20-poly1305" ? solvePoly1305(key, nonce, tag) : solveGhash(algorithm, key, nonce, tag);
}

/** tag = (aad * H + lengths) * H + E(nonce) in GF(2^128). */
function solveGhash(algorithm: AlgorithmName, key: Buffer, nonce: Buffer, tag: Buffer): Buffer {
  const block = (input: Buffer): bigint => {
    const cipher = createCipheriv(ciphers[algorithm].keySizeBytes === 16 ? "aes-128-ecb" : "aes-256-ecb", key, null);
    return bigEndian(cipher.update(input));
  };
  const inverseH = gfInverse(block(Buffer.alloc(16)));
  const mask = block(Buffer.concat([nonce, Buffer.of(0, 0, 0, 1)]));
  const lengths = 128n << 64n;
  const aad = gfMultiply(gfMultiply(bigEndian(tag) ^ mask, inverseH) ^ lengths, inverseH);
  return Buffer.from(aad.toString(16).padStart(32, "0"), "hex");
}

/** GCM's field: the first bit is the coefficient of x^0. */
function gfMultiply(a: bigint, b: bigint): bigint {
  let product = 0n;
  for (let bit = 127n, shifted = b; bit >= 0n; bit--) {
    if ((a >> bit) & 1n) product ^= shifted;
    shifted = shifted & 1n ? (shifted >> 1n) ^ (0xe1n << 120n) : shifted >> 1n;
  }
  return product;
}

/** a^(2^128 - 2) */
function gfInverse(a: bigint): bigint {
  let power = a;
  let inverse = 1n << 127n;
  for (let step = 1; step < 128; step++) {
    power = gfMultiply(power, power);
    inverse = gfMultiply(inverse, power);
  }
  return inverse;
}

/** tag = (((aad + 2^128) * r + lengths + 2^128) * r mod 2^130 - 5) + s mod 2^128. */
function solvePoly1305(key: Buffer, nonce: Buffer, tag: Buffer): Buffer | undefined {
  const p = (1n << 130n) - 5n;
  const high = 1n << 128n;
  const stream = createCipheriv("chacha20", key, Buffer.concat([Buffer.alloc(4), nonce])).update(Buffer.alloc(32));
  const r = littleEndian(stream.subarray(0, 16)) & 0x0ffffffc0ffffffc0ffffffc0fffffffn;
  const s = littleEndian(stream.subarray(16));
  const inverseR = modPower(r, p - 2n, p);
  for (let sum = (((littleEndian(tag) - s) % high) + high) % high; sum < p; sum += high) {
    const aad = ((((sum * inverseR - 16n - high) * inverseR - high) % p) + p) % p;
    if (aad < high) return Buffer.from(aad.toString(16).padStart(32, "0"), "hex").reverse();
  }
  return undefined;
}

function modPower(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  for (let power = base, left = exponent; left > 0n; left >>= 1n, power = (power * power) % modulus) {
    if (left & 1n) result = (result * power) % modulus;
  }
  return result;
}

function bigEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString("hex")}`);
}

function littleEndian(bytes: Uint8Array): bigint {
  return bigEndian(Uint8Array.from(bytes).reverse());
}
