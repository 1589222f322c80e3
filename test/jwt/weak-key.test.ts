// RSA keys that others can sign with are not believed, and are named at start.
import { generateKeyPairSync } from "node:crypto";
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { parseKeySet } from "../../src/jwt/key-set.ts";
import { readIssuers } from "../../src/jwt/read-issuers.ts";
import { weaknessOf } from "../../src/jwt/weak-key.ts";
import { entryOf, type JwtIssuer, startIssuer, writeIssuersFile } from "../support/jwt-issuer.ts";

const encode = (value: bigint) => {
  const hex = value.toString(16);
  return Buffer.from(hex.padStart(hex.length + (hex.length % 2), "0"), "hex").toString("base64url");
};
const decode = (text = "") => BigInt(`0x${Buffer.from(text, "base64url").toString("hex")}`);

const rsa = (bits: number) => generateKeyPairSync("rsa", { modulusLength: bits }).publicKey.export({ format: "jwk" });

/** A modulus of the faulty library's form: a product of numbers that are powers of 65537 modulo the primorial M. */
function rocaModulus(): bigint {
  const primes: bigint[] = [];
  for (let n = 2n; primes.length < 126; n++) if (primes.every((prime) => n % prime !== 0n)) primes.push(n);
  const m = primes.reduce((product, prime) => product * prime, 1n);
  const power = (exponent: number) => {
    let result = 1n;
    for (let i = 0; i < exponent; i++) result = (result * 65_537n) % m;
    return result;
  };
  const half = (k: bigint, exponent: number) => k * m + power(exponent);
  return half((1n << 55n) + 1n, 1_234) * half((1n << 54n) + 3n, 4_321);
}

const strong = rsa(2_048);
const weak = [
  ["fewer than 2048 bits", rsa(1_024), /fewer than 2048 bits/],
  ["the exponent 1", { ...strong, e: encode(1n) }, /exponent/],
  ["an even exponent", { ...strong, e: encode(65_536n) }, /exponent/],
  ["a small factor", { ...strong, n: encode(decode(strong.n) * 163n) }, /small factor/],
  ["the ROCA fault", { ...strong, n: encode(rocaModulus()) }, /ROCA/],
] as const;

let issuer: JwtIssuer;
beforeAll(async () => {
  issuer = await startIssuer();
});
afterAll(() => issuer.stop());

describe.each(weak)("an RSA key with %s", (_, key, why) => {
  const jwk = { ...key, kid: "weak", use: "sig" };

  it("is too weak, and verifies nothing beside one that is not", () => {
    expect(weaknessOf(jwk)).toMatch(why);
    expect(() => parseKeySet(JSON.stringify({ keys: [jwk] }))).toThrow("no key in the set verifies signatures");
    const { keys } = parseKeySet(JSON.stringify({ keys: [jwk, { ...strong, kid: "strong" }] })).jwks();
    expect(keys.map(({ kid }) => kid)).toEqual(["strong"]);
  });

  it("ends the start when a file holds it", () => {
    const entry = entryOf(issuer, { jwksUrl: undefined, jwksFile: "keys.json" });
    const { path, remove } = writeIssuersFile({ issuers: [entry] });
    onTestFinished(remove);
    writeFileSync(join(dirname(path), "keys.json"), JSON.stringify({ keys: [{ ...strong, kid: "strong" }, jwk] }));
    expect(() => readIssuers("COFFER_JWT_ISSUERS_FILE", path)).toThrow(why);
    expect(() => readIssuers("COFFER_JWT_ISSUERS_FILE", path)).toThrow(
      /jwksFile must hold strong keys only: key "weak"/,
    );
  });
});

it("keys as libraries make them are strong enough", () => {
  expect([rsa(2_048), rsa(3_072), { kty: "EC" }].map(weaknessOf)).toEqual([undefined, undefined, undefined]);
});
