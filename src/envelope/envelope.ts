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
  return unwrapped.open(sealed.envelope);
}

/** The DEK of one envelope, for as long as the bytes before the payload are the same. Disposing it overwrites the DEK. */
export class UnwrappedDek implements Disposable {
  readonly form: PayloadForm;
  readonly algorithm: Algorithm;
  /**
   * The bytes of the envelope before the nonce, which name the key version and hold the wrapped DEK; then the DEK; then the AAD of the
   * payload. Thousands are in memory, and one piece takes half of the memory of three.
   */
  readonly #bytes: Buffer;
  readonly #dekStart: number;
  readonly #aadStart: number;

  constructor(
    { form, algorithm }: { form: PayloadForm; algorithm: Algorithm },
    { head, dek, aad }: { head: Uint8Array; dek: Sensitive; aad: Uint8Array },
  ) {
    this.form = form;
    this.algorithm = algorithm;
    this.#dekStart = head.byteLength;
    this.#aadStart = head.byteLength + dek.byteLength;
    // Not from the pool of Buffer, whose other users would be in the same piece.
    this.#bytes = Buffer.allocUnsafeSlow(this.#aadStart + aad.byteLength);
    this.#bytes.set(head);
    this.#bytes.set(dek.reveal(), this.#dekStart);
    this.#bytes.set(aad, this.#aadStart);
  }

  /** Returns whether the DEK was unwrapped from the same bytes. */
  isOf(envelope: Buffer): boolean {
    const size = this.#dekStart;
    return envelope.byteLength > size && this.#bytes.compare(envelope, 0, size, 0, size) === 0;
  }

  /** Opens the payload of an envelope for which `isOf` is true. Fails with VALUE_CORRUPT. */
  open(envelope: Uint8Array): Payload {
    const { nonce, ciphertext } = parsePayload(envelope, this.#dekStart);
    const key = this.#bytes.subarray(this.#dekStart, this.#aadStart);
    const aad = this.#bytes.subarray(this.#aadStart);
    return {
      form: this.form,
      bytes: new Sensitive(aeadOpen({ algorithm: this.algorithm, key, nonce, aad }, ciphertext)),
    };
  }

  [Symbol.dispose](): void {
    this.#bytes.fill(0);
  }
}

/** Fails as `open` does. */
export function unwrapDek({ envelope, keyVersion, context, form }: Open): UnwrappedDek {
  const { wrappedDek, headSizeBytes } = parseExpected(envelope, keyVersion);
  const aads = valueAads(context, form, keyVersion);
  // The AADs are views of a buffer that the next call uses again.
  const aad = Buffer.from(aads.payload);
  using dek = unwrapKey(wrappingKey(keyVersion, aads), wrappedDek);
  return new UnwrappedDek(
    { form, algorithm: keyVersion.algorithm },
    { head: envelope.subarray(0, headSizeBytes), dek, aad },
  );
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
