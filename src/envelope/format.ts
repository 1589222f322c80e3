// The encoding of envelope v1: explicit lengths, and exactly one encoding of each envelope.
import { envelopeVersion, type KeyVersionName } from "./aad.ts";
import { nonceSizeBytes, tagSizeBytes } from "./aead.ts";
import { algorithmOfWireNumber, algorithmSpec } from "./algorithms.ts";
import { createReader, uint32Bytes, utf8Bytes } from "./bytes.ts";
import { valueCorrupt } from "./corrupt.ts";
import { type WrappedKey, wrapCommitmentSizeBytes, wrapSaltSizeBytes } from "./wrap.ts";

export interface Envelope {
  keyVersion: KeyVersionName;
  wrappedDek: WrappedKey;
  nonce: Uint8Array;
  /** The encrypted payload and its tag. */
  ciphertext: Uint8Array;
}

/**
 * ver(1) alg(1) kms_key_id(1 + n) kms_key_version(4) wrap_salt(32) wrap_commit(32) wrap_nonce(12) wrapped_dek+tag(1 + n)
 * nonce(12) ciphertext+tag(4 + n); numbers are big-endian.
 */
export function formatEnvelope({ keyVersion, wrappedDek, nonce, ciphertext }: Envelope): Buffer {
  const kmsKeyId = utf8Bytes(keyVersion.kmsKeyId);
  const sizes: [Uint8Array, number][] = [
    [wrappedDek.salt, wrapSaltSizeBytes],
    [wrappedDek.commitment, wrapCommitmentSizeBytes],
    [wrappedDek.nonce, nonceSizeBytes],
    [nonce, nonceSizeBytes],
  ];
  if (sizes.some(([part, size]) => part.byteLength !== size)) throw new RangeError("a part has the wrong size");
  return Buffer.concat([
    Uint8Array.of(envelopeVersion, algorithmSpec(keyVersion.algorithm).wireNumber),
    ...[lengthByte(kmsKeyId), kmsKeyId, uint32Bytes(keyVersion.version)],
    ...[wrappedDek.salt, wrappedDek.commitment, wrappedDek.nonce],
    ...[lengthByte(wrappedDek.ciphertext), wrappedDek.ciphertext],
    ...[nonce, uint32Bytes(ciphertext.byteLength), ciphertext],
  ]);
}

export interface ParsedEnvelope extends Envelope {
  /** The size of everything before the nonce. */
  headSizeBytes: number;
}

/** Fails with VALUE_CORRUPT unless `formatEnvelope` wrote exactly these bytes. */
export function parseEnvelope(bytes: Uint8Array): ParsedEnvelope {
  const reader = createReader(bytes);
  if (reader.uint8() !== envelopeVersion) throw valueCorrupt();
  const algorithm = algorithmOfWireNumber(reader.uint8());
  if (algorithm === undefined) throw valueCorrupt();
  const kmsKeyId = reader.text(reader.uint8());
  const version = reader.uint32();
  const salt = reader.take(wrapSaltSizeBytes);
  const commitment = reader.take(wrapCommitmentSizeBytes);
  const wrapNonce = reader.take(nonceSizeBytes);
  const wrappedDekSize = reader.uint8();
  if (wrappedDekSize !== algorithmSpec(algorithm).keySizeBytes + tagSizeBytes) throw valueCorrupt();
  const wrappedDek = reader.take(wrappedDekSize);
  const headSizeBytes = bytes.byteLength - reader.rest().byteLength;
  return {
    keyVersion: { kmsKeyId, version, algorithm },
    wrappedDek: { salt, commitment, nonce: wrapNonce, ciphertext: wrappedDek },
    headSizeBytes,
    ...parsePayload(bytes, headSizeBytes),
  };
}

/** Parses what follows the head: nonce(12) ciphertext+tag(4 + n). Fails with VALUE_CORRUPT. */
export function parsePayload(bytes: Uint8Array, headSizeBytes: number): Pick<Envelope, "nonce" | "ciphertext"> {
  const ciphertextStart = headSizeBytes + nonceSizeBytes + 4;
  if (bytes.byteLength < ciphertextStart) throw valueCorrupt();
  let size = 0;
  for (let i = ciphertextStart - 4; i < ciphertextStart; i++) size = size * 256 + (bytes[i] as number);
  if (bytes.byteLength - ciphertextStart !== size) throw valueCorrupt();
  return {
    nonce: bytes.subarray(headSizeBytes, headSizeBytes + nonceSizeBytes),
    ciphertext: bytes.subarray(ciphertextStart),
  };
}

function lengthByte(part: Uint8Array): Uint8Array {
  if (part.byteLength === 0 || part.byteLength > 255) throw new RangeError("a part has the wrong size");
  return Uint8Array.of(part.byteLength);
}
