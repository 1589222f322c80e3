// Signatures, created and verified on other threads: RSA-PSS, ECDSA in DER, Ed25519.
import { constants, type KeyObject, sign, verify } from "node:crypto";
import { type HashName, hashes } from "../domain/key/hash-name.ts";
import { type KeyAlgorithm, keySpec } from "./algorithms.ts";
import { privateKeyOf, publicKeyOf } from "./key-objects.ts";
import type { KeyVersion } from "./key-version.ts";

interface Options {
  key: KeyObject;
  padding?: number;
  saltLength?: number;
}

/** Returns the default hash of an algorithm; undefined for Ed25519, which has no choice. */
export function defaultHash(algorithm: KeyAlgorithm): HashName | undefined {
  const spec = keySpec(algorithm);
  if (spec.kind === "ec") return spec.hash;
  return spec.kind === "rsa" ? "sha2-256" : undefined;
}

/** The salt of RSA-PSS is as long as the hash. */
export function signData(
  version: KeyVersion<KeyAlgorithm>,
  input: Uint8Array,
  hash: HashName | undefined,
): Promise<Buffer> {
  const key = privateKeyOf(version);
  const options = optionsOf(version, key, constants.RSA_PSS_SALTLEN_DIGEST);
  return onThread((done) => sign(nodeHash(hash), input, options, done));
}

/** Whether the signature of the input is valid under this key version. The salt of RSA-PSS may have any length. */
export function verifyData(
  version: KeyVersion<KeyAlgorithm>,
  input: Uint8Array,
  hash: HashName | undefined,
  signature: Uint8Array,
): Promise<boolean> {
  const key = publicKeyOf(version);
  const options = optionsOf(version, key, constants.RSA_PSS_SALTLEN_AUTO);
  return onThread((done) => verify(nodeHash(hash), input, options, signature, done));
}

function optionsOf({ algorithm }: { algorithm: KeyAlgorithm }, key: KeyObject, saltLength: number): Options {
  return keySpec(algorithm).kind === "rsa" ? { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength } : { key };
}

function nodeHash(hash: HashName | undefined): string | undefined {
  return hash && hashes[hash];
}

function onThread<T>(start: (done: (error: Error | null, result: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    start((error, result) => (error ? reject(error) : resolve(result)));
  });
}
