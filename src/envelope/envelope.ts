// Seals a payload under a fresh DEK that a KMS key version wraps, opens it again, and moves the wrap to a newer key version.

import type { RandomBytes } from "../domain/random.ts";
import type { Payload, PayloadForm } from "../domain/secret/payload.ts";
import { Sensitive } from "../domain/sensitive.ts";
import { type KeyVersionName, type ValueAads, type ValueContext, valueAads } from "./aad.ts";
import { aeadOpen, aeadSeal, nonceSizeBytes } from "./aead.ts";
import { type Algorithm, algorithmSpec } from "./algorithms.ts";
import { valueCorrupt } from "./corrupt.ts";
import { formatEnvelope, type ParsedEnvelope, parseEnvelope, parsePayload } from "./format.ts";
import type { KeyVersion } from "./key-version.ts";
import { unwrapKey, type WrappingKey, wrapKey } from "./wrap.ts";

interface Seal {
  keyVersion: KeyVersion;
  context: ValueContext;
  payload: Payload;
  random: RandomBytes;
}

/** Returns the envelope to store. The DEK is used for this one message and zeroed afterwards. */
export function seal({ keyVersion, context, payload, random }: Seal): Buffer {
  const { algorithm } = keyVersion;
  using dek = new Sensitive(random(algorithmSpec(algorithm).keySizeBytes));
  const nonce = random(nonceSizeBytes);
  const aads = valueAads(context, payload.form, keyVersion);
  const ciphertext = aeadSeal({ algorithm, key: dek.reveal(), nonce, aad: aads.payload }, payload.bytes.reveal());
  const wrappedDek = wrapKey(wrappingKey(keyVersion, aads), dek, random);
  return formatEnvelope({ keyVersion, wrappedDek, nonce, ciphertext });
}

interface Open {
  envelope: Uint8Array;
  keyVersion: KeyVersion;
  context: ValueContext;
  form: PayloadForm;
}

/** Returns the payload. Fails with VALUE_CORRUPT, also when the envelope names another key, version or algorithm than expected. */
export function open(sealed: Open): Payload {
  using unwrapped = unwrapDek(sealed);
  return openWithDek(unwrapped, sealed.envelope);
}

/** The DEK of one envelope, for as long as the bytes before the payload are the same. Disposing it overwrites the DEK. */
export interface UnwrappedDek extends Disposable {
  form: PayloadForm;
  algorithm: Algorithm;
  dek: Sensitive;
  /** The bytes before the nonce: they name the key version and hold the wrapped DEK. */
  head: Uint8Array;
  /** The AAD of the payload. */
  aad: Uint8Array;
}

/** Fails as `open` does. */
export function unwrapDek({ envelope, keyVersion, context, form }: Open): UnwrappedDek {
  const { wrappedDek, headSizeBytes } = parseExpected(envelope, keyVersion);
  const aads = valueAads(context, form, keyVersion);
  // Copies, because the bytes of the envelope and of the AADs belong to others.
  const head = Uint8Array.prototype.slice.call(envelope, 0, headSizeBytes);
  const aad = Uint8Array.prototype.slice.call(aads.payload);
  const dek = unwrapKey(wrappingKey(keyVersion, aads), wrappedDek);
  return { form, algorithm: keyVersion.algorithm, dek, head, aad, [Symbol.dispose]: () => dek.zero() };
}

/** Returns whether the DEK was unwrapped from the same bytes. */
export function isDekOf({ head }: UnwrappedDek, envelope: Buffer): boolean {
  const { byteLength } = head;
  return envelope.byteLength > byteLength && envelope.compare(head, 0, byteLength, 0, byteLength) === 0;
}

/** Opens the payload of an envelope for which `isDekOf` is true. Fails with VALUE_CORRUPT. */
export function openWithDek({ form, algorithm, dek, head, aad }: UnwrappedDek, envelope: Uint8Array): Payload {
  const { nonce, ciphertext } = parsePayload(envelope, head.byteLength);
  return { form, bytes: new Sensitive(aeadOpen({ algorithm, key: dek.reveal(), nonce, aad }, ciphertext)) };
}

interface Rewrap {
  envelope: Uint8Array;
  from: KeyVersion;
  to: KeyVersion;
  context: ValueContext;
  form: PayloadForm;
  random: RandomBytes;
}

/** Wraps the DEK under another version of the same key. The payload is neither read nor changed. */
export function rewrap({ envelope, from, to, context, form, random }: Rewrap): Buffer {
  if (from.kmsKeyId !== to.kmsKeyId || from.algorithm !== to.algorithm) {
    throw new TypeError("a rewrap stays within one key and algorithm: the payload is bound to them");
  }
  const { nonce, ciphertext, wrappedDek } = parseExpected(envelope, from);
  using dek = unwrapKey(wrappingKey(from, valueAads(context, form, from)), wrappedDek);
  return formatEnvelope({
    keyVersion: to,
    wrappedDek: wrapKey(wrappingKey(to, valueAads(context, form, to)), dek, random),
    nonce,
    ciphertext,
  });
}

function parseExpected(envelope: Uint8Array, expected: KeyVersionName): ParsedEnvelope {
  const parsed = parseEnvelope(envelope);
  const { kmsKeyId, version, algorithm } = parsed.keyVersion;
  if (kmsKeyId !== expected.kmsKeyId || version !== expected.version || algorithm !== expected.algorithm) {
    throw valueCorrupt();
  }
  return parsed;
}

function wrappingKey({ key, algorithm }: KeyVersion, { wrap, wrapInfo }: ValueAads): WrappingKey {
  return { key, algorithm, aad: wrap, info: wrapInfo };
}
