// ECDSA (FIPS 186-5, 6.4) over a hash that the caller computed. node:crypto signs only data that it hashes itself, so a library does it.
import type { KeyObject } from "node:crypto";
import type { ECDSA } from "@noble/curves/abstract/weierstrass.js";

// The library is large, so it is loaded when the first hash is signed.
const library = () => import("@noble/curves/nist.js");

type Curves = Awaited<ReturnType<typeof library>>;

const curves: Readonly<Record<string, (all: Curves) => ECDSA>> = {
  prime256v1: ({ p256 }) => p256,
  secp384r1: ({ p384 }) => p384,
  secp521r1: ({ p521 }) => p521,
};

/** Signs the hash unchanged, and accepts both halves of the range of s, like OpenSSL. */
const options = { prehash: false, lowS: false, format: "der" } as const;

/** Returns a signature in DER. The nonce follows RFC 6979 with additional randomness. */
export async function signDigestEcdsa(privateKey: KeyObject, digest: Uint8Array): Promise<Uint8Array> {
  const { d = "" } = privateKey.export({ format: "jwk" });
  const secret = Buffer.from(d, "base64url");
  try {
    return (await curveOf(privateKey)).sign(digest, secret, { ...options, extraEntropy: true });
  } finally {
    secret.fill(0);
  }
}

/** Whether the signature of the hash is valid. */
export async function verifyDigestEcdsa(
  publicKey: KeyObject,
  digest: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  const { x = "", y = "" } = publicKey.export({ format: "jwk" });
  const point = Buffer.concat([Uint8Array.of(4), Buffer.from(x, "base64url"), Buffer.from(y, "base64url")]);
  const curve = await curveOf(publicKey);
  try {
    return curve.verify(signature, digest, point, options);
  } catch {
    // The signature is not two numbers in DER.
    return false;
  }
}

async function curveOf({ asymmetricKeyDetails }: KeyObject): Promise<ECDSA> {
  const curve = curves[asymmetricKeyDetails?.namedCurve ?? ""];
  if (!curve) throw new TypeError("not a key of a known curve");
  return curve(await library());
}
