// Seals a payload under a fresh DEK that a KMS key version wraps, opens it again, and moves the wrap to a newer key version.
import type { Payload, PayloadForm } from "../domain/payload.ts";
import type { RandomBytes } from "../domain/random.ts";
import { Sensitive } from "../domain/sensitive.ts";
import { type KeyVersionName, payloadAad, type ValueContext, wrapAad } from "./aad.ts";
import { aeadOpen, aeadSeal, nonceSizeBytes } from "./aead.ts";
import { algorithmSpec } from "./algorithms.ts";
import { valueCorrupt } from "./corrupt.ts";
import { type Envelope, formatEnvelope, parseEnvelope } from "./format.ts";
import type { KeyVersion } from "./key-version.ts";
import { unwrapKey, type WrappingKey, wrapKey } from "./wrap.ts";

interface Seal {
  keyVersion: KeyVersion;
  context: ValueContext;
  payload: Payload;
  random: RandomBytes;
}

/** The envelope to store. Its DEK exists for this one message and is overwritten afterwards. */
export function seal({ keyVersion, context, payload, random }: Seal): Buffer {
  const { algorithm } = keyVersion;
  const dek = new Sensitive(random(algorithmSpec(algorithm).keySizeBytes));
  try {
    const nonce = random(nonceSizeBytes);
    const aad = payloadAad(context, payload.form, keyVersion);
    const ciphertext = aeadSeal({ algorithm, key: dek.reveal(), nonce, aad }, payload.bytes.reveal());
    const wrappedDek = wrapKey(wrappingKey(keyVersion, context, payload.form), dek, random);
    return formatEnvelope({ keyVersion, wrappedDek, nonce, ciphertext });
  } finally {
    dek.zero();
  }
}

interface Open {
  envelope: Uint8Array;
  keyVersion: KeyVersion;
  context: ValueContext;
  form: PayloadForm;
}

/** The payload, or VALUE_CORRUPT: also when the envelope names another key, version or algorithm than expected. */
export function open({ envelope, keyVersion, context, form }: Open): Payload {
  const parsed = parseExpected(envelope, keyVersion);
  const { algorithm } = keyVersion;
  const { nonce, ciphertext, wrappedDek } = parsed;
  const dek = unwrapKey(wrappingKey(keyVersion, context, form), wrappedDek);
  try {
    const aad = payloadAad(context, form, keyVersion);
    return { form, bytes: new Sensitive(aeadOpen({ algorithm, key: dek.reveal(), nonce, aad }, ciphertext)) };
  } finally {
    dek.zero();
  }
}

interface Rewrap {
  envelope: Uint8Array;
  from: KeyVersion;
  to: KeyVersion;
  context: ValueContext;
  form: PayloadForm;
  random: RandomBytes;
}

/** The same payload and DEK, wrapped by another version of the same key. The payload is neither read nor touched. */
export function rewrap({ envelope, from, to, context, form, random }: Rewrap): Buffer {
  if (from.kmsKeyId !== to.kmsKeyId || from.algorithm !== to.algorithm) {
    throw new TypeError("a rewrap stays within one key and algorithm: the payload is bound to them");
  }
  const { nonce, ciphertext, wrappedDek } = parseExpected(envelope, from);
  const dek = unwrapKey(wrappingKey(from, context, form), wrappedDek);
  try {
    return formatEnvelope({
      keyVersion: to,
      wrappedDek: wrapKey(wrappingKey(to, context, form), dek, random),
      nonce,
      ciphertext,
    });
  } finally {
    dek.zero();
  }
}

function parseExpected(envelope: Uint8Array, expected: KeyVersionName): Envelope {
  const parsed = parseEnvelope(envelope);
  const { kmsKeyId, version, algorithm } = parsed.keyVersion;
  if (kmsKeyId !== expected.kmsKeyId || version !== expected.version || algorithm !== expected.algorithm) {
    throw valueCorrupt();
  }
  return parsed;
}

function wrappingKey(keyVersion: KeyVersion, context: ValueContext, form: PayloadForm): WrappingKey {
  const { key, algorithm } = keyVersion;
  return { key, algorithm, label: "coffer/wrap/v1", aad: wrapAad(context, form, keyVersion) };
}
