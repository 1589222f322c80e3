// Parses private keys into node:crypto KeyObjects. Parsing costs more than most uses, so each key is parsed once while its version is in memory.
import { createPrivateKey, createPublicKey, KeyObject } from "node:crypto";
import { Sensitive } from "../domain/sensitive.ts";
import type { KeyAlgorithm } from "./algorithms.ts";
import { valueCorrupt } from "./corrupt.ts";
import type { KeyVersion } from "./key-version.ts";

const privateKeys = new WeakMap<Sensitive, KeyObject>();
const publicKeys = new WeakMap<Sensitive, KeyObject>();

/** Fails with VALUE_CORRUPT when the material is not a private key. */
export function privateKeyOf({ key }: Pick<KeyVersion<KeyAlgorithm>, "key">): KeyObject {
  const known = privateKeys.get(key);
  if (known) return known;
  const parsed = parsePrivateKey(key.reveal());
  if (!parsed) throw valueCorrupt(new Error("the material of a key version is not a private key"));
  privateKeys.set(key, parsed);
  return parsed;
}

export function publicKeyOf(version: Pick<KeyVersion<KeyAlgorithm>, "key">): KeyObject {
  const known = publicKeys.get(version.key);
  if (known) return known;
  const made = createPublicKey(privateKeyOf(version));
  publicKeys.set(version.key, made);
  return made;
}

/** Returns undefined unless `der` is exactly one private key in PKCS#8. */
export function parsePrivateKey(der: Uint8Array): KeyObject | undefined {
  try {
    const key = createPrivateKey({
      key: Buffer.from(der.buffer, der.byteOffset, der.byteLength),
      format: "der",
      type: "pkcs8",
    });
    return key instanceof KeyObject ? key : undefined;
  } catch {
    return undefined;
  }
}

/** Returns the public key, SPKI in PEM. */
export function publicKeyPem(version: Pick<KeyVersion<KeyAlgorithm>, "key">): string {
  return publicKeyOf(version).export({ format: "pem", type: "spki" }) as string;
}

/** Returns the private key, PKCS#8 in DER. */
export function pkcs8Of(key: KeyObject): Sensitive {
  return new Sensitive(key.export({ format: "der", type: "pkcs8" }));
}
