// Encrypts data for callers with a symmetric key. Each message has a key of its own, derived under another label than the keys that wrap DEKs.
import { hash } from "node:crypto";
import type { RandomBytes } from "../domain/random.ts";
import type { Sensitive } from "../domain/sensitive.ts";
import type { KeyVersionName } from "./aad.ts";
import { nonceSizeBytes } from "./aead.ts";
import { algorithmSpec } from "./algorithms.ts";
import { createReader, lengthPrefixed, uint32Bytes, utf8Bytes } from "./bytes.ts";
import { type CiphertextHead, writeHead } from "./ciphertext-head.ts";
import type { KeyVersion } from "./key-version.ts";
import { unwrapKey, type WrappingKey, wrapCommitmentSizeBytes, wrapKey, wrapSaltSizeBytes } from "./wrap.ts";

const label = utf8Bytes("coffer/encrypt/v1");

interface Message {
  keyVersion: KeyVersion;
  workspaceId: string;
  /** Authenticated with the plaintext; decryption requires the same bytes. */
  context: Uint8Array;
}

/** head(6) salt(32) commitment(32) nonce(12) ciphertext+tag */
export function encryptData(
  { keyVersion, workspaceId, context }: Message,
  plaintext: Sensitive,
  random: RandomBytes,
): Buffer {
  const { salt, commitment, nonce, ciphertext } = wrapKey(
    messageKey(keyVersion, workspaceId, context),
    plaintext,
    random,
  );
  const { wireNumber } = algorithmSpec(keyVersion.algorithm);
  return Buffer.concat([writeHead({ wireNumber, version: keyVersion.version }), salt, commitment, nonce, ciphertext]);
}

/** Fails with VALUE_CORRUPT unless this key version encrypted the data with this context. */
export function decryptData({ keyVersion, workspaceId, context }: Message, { rest }: CiphertextHead): Sensitive {
  const reader = createReader(rest);
  const salt = reader.take(wrapSaltSizeBytes);
  const commitment = reader.take(wrapCommitmentSizeBytes);
  const nonce = reader.take(nonceSizeBytes);
  return unwrapKey(messageKey(keyVersion, workspaceId, context), {
    salt,
    commitment,
    nonce,
    ciphertext: reader.rest(),
  });
}

/** The hash of the context goes into the derivation: HKDF of node:crypto takes at most 1,024 bytes. */
function messageKey(keyVersion: KeyVersion, workspaceId: string, context: Uint8Array): WrappingKey {
  const { key, algorithm } = keyVersion;
  const aad = lengthPrefixed([...boundTo(keyVersion, workspaceId), hash("sha256", context, "buffer")]);
  return { key, algorithm, aad, info: Buffer.concat([label, aad]) };
}

/** Contains nothing that only coffer knows: a caller who exports the key can decrypt without coffer. */
function boundTo({ kmsKeyId, version, algorithm }: KeyVersionName, workspaceId: string): Uint8Array[] {
  return [utf8Bytes(workspaceId), utf8Bytes(kmsKeyId), uint32Bytes(version), utf8Bytes(algorithm)];
}
