// Seals and opens one message with one of the three authenticated ciphers: 12-byte nonce, 16-byte tag.
import { type CipherGCMTypes, createCipheriv, createDecipheriv } from "node:crypto";
import { type Algorithm, algorithmSpec } from "./algorithms.ts";
import { valueCorrupt } from "./corrupt.ts";

export const nonceSizeBytes = 12;
export const tagSizeBytes = 16;

// Without it Node accepts shorter tags when opening.
const options = { authTagLength: tagSizeBytes };

export interface AeadKey {
  algorithm: Algorithm;
  key: Uint8Array;
  nonce: Uint8Array;
  aad: Uint8Array;
}

/** Returns the ciphertext followed by its tag. */
export function aeadSeal({ algorithm, key, nonce, aad }: AeadKey, plaintext: Uint8Array): Buffer {
  if (nonce.byteLength !== nonceSizeBytes) throw new RangeError("a nonce has 12 bytes");
  const cipher = createCipheriv(nodeCipher(algorithm), key, nonce, options);
  cipher.setAAD(aad, { plaintextLength: plaintext.byteLength });
  return Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

/** Returns the plaintext. Fails with VALUE_CORRUPT if the tag is wrong. */
export function aeadOpen({ algorithm, key, nonce, aad }: AeadKey, sealed: Uint8Array): Buffer {
  const plaintextLength = sealed.byteLength - tagSizeBytes;
  if (nonce.byteLength !== nonceSizeBytes || plaintextLength < 0) throw valueCorrupt();
  const decipher = createDecipheriv(nodeCipher(algorithm), key, nonce, options);
  decipher.setAAD(aad, { plaintextLength });
  decipher.setAuthTag(sealed.subarray(plaintextLength));
  const plaintext = decipher.update(sealed.subarray(0, plaintextLength));
  try {
    // These ciphers return all plaintext from update(); final() only checks the tag.
    decipher.final();
  } catch {
    plaintext.fill(0);
    throw valueCorrupt();
  }
  return plaintext;
}

/** Node's types distinguish GCM and ChaCha20-Poly1305; its implementation accepts the same options for both. */
function nodeCipher(algorithm: Algorithm): CipherGCMTypes {
  return algorithmSpec(algorithm).cipher as CipherGCMTypes;
}
