// Wraps a key under another, with a key commitment: no second key opens the wrap.
import { timingSafeEqual } from "node:crypto";
import type { RandomBytes } from "../domain/random.ts";
import { Sensitive } from "../domain/sensitive.ts";
import { aeadOpen, aeadSeal, nonceSizeBytes } from "./aead.ts";
import { type Algorithm, algorithmSpec } from "./algorithms.ts";
import { valueCorrupt } from "./corrupt.ts";
import { derive } from "./derive.ts";

export const wrapSaltSizeBytes = 32;
export const wrapCommitmentSizeBytes = 32;
const derivedKeySizeBytes = 32;

export interface WrappingKey {
  key: Sensitive;
  algorithm: Algorithm;
  /** Binds the wrap to its use; unwrapping requires the same bytes. */
  aad: Uint8Array;
  /** A label of the type of wrap, followed by `aad`. */
  info: Uint8Array;
}

export interface WrappedKey {
  salt: Uint8Array;
  commitment: Uint8Array;
  nonce: Uint8Array;
  /** The encrypted key and its tag. */
  ciphertext: Uint8Array;
}

export function wrapKey(wrapping: WrappingKey, key: Sensitive, random: RandomBytes): WrappedKey {
  // A fresh salt gives every wrap a key of its own, so that the nonces of the long-lived key never run out.
  const salt = random(wrapSaltSizeBytes);
  const nonce = random(nonceSizeBytes);
  using derived = deriveWrap(wrapping, salt);
  const { algorithm, aad } = wrapping;
  const ciphertext = aeadSeal({ algorithm, key: derived.key, nonce, aad }, key.reveal());
  return { salt, commitment: Buffer.from(derived.commitment), nonce, ciphertext };
}

export function unwrapKey(wrapping: WrappingKey, { salt, commitment, nonce, ciphertext }: WrappedKey): Sensitive {
  using derived = deriveWrap(wrapping, salt);
  if (commitment.byteLength !== wrapCommitmentSizeBytes || !timingSafeEqual(derived.commitment, commitment)) {
    throw valueCorrupt();
  }
  const { algorithm, aad } = wrapping;
  return new Sensitive(aeadOpen({ algorithm, key: derived.key, nonce, aad }, ciphertext));
}

function deriveWrap({ key, algorithm, info }: WrappingKey, salt: Uint8Array) {
  const derived = derive(key, salt, info, derivedKeySizeBytes + wrapCommitmentSizeBytes);
  return {
    key: derived.subarray(0, algorithmSpec(algorithm).keySizeBytes),
    commitment: derived.subarray(derivedKeySizeBytes),
    [Symbol.dispose]: () => void derived.fill(0),
  };
}
