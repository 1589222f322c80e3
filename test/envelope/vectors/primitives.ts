// HKDF, AEADs and length prefixes step by step from node:crypto alone, so that the vectors do not lean on coffer's own code.
import { type CipherGCMTypes, createCipheriv, createHash, createHmac } from "node:crypto";

export const ciphers = {
  "aes128-gcm96": { wireNumber: 1, cipher: "aes-128-gcm", keySizeBytes: 16 },
  "aes256-gcm96": { wireNumber: 2, cipher: "aes-256-gcm", keySizeBytes: 32 },
  "chacha20-poly1305": { wireNumber: 3, cipher: "chacha20-poly1305", keySizeBytes: 32 },
} as const;

export type AlgorithmName = keyof typeof ciphers;
export const algorithmNames = Object.keys(ciphers) as AlgorithmName[];

/** Bytes that look random and are the same every time. */
export function bytesFor(label: string, size: number): Buffer {
  const blocks = Array.from({ length: Math.ceil(size / 32) }, (_, index) =>
    createHash("sha256").update(`coffer test vector/${label}/${index}`).digest(),
  );
  return Buffer.concat(blocks).subarray(0, size);
}

/** RFC 5869, extract and expand. */
export function hkdfSha256(key: Uint8Array, salt: Uint8Array, info: Uint8Array, size: number): Buffer {
  const extracted = createHmac("sha256", salt.byteLength === 0 ? Buffer.alloc(32) : salt)
    .update(key)
    .digest();
  let block = Buffer.alloc(0);
  let output = Buffer.alloc(0);
  for (let counter = 1; output.byteLength < size; counter++) {
    block = createHmac("sha256", extracted).update(block).update(info).update(Uint8Array.of(counter)).digest();
    output = Buffer.concat([output, block]);
  }
  return output.subarray(0, size);
}

export function encrypt(
  algorithm: AlgorithmName,
  key: Uint8Array,
  nonce: Uint8Array,
  aad: Uint8Array,
  plaintext: Uint8Array,
): { ciphertext: Buffer; tag: Buffer } {
  const cipher = createCipheriv(ciphers[algorithm].cipher as CipherGCMTypes, key, nonce, { authTagLength: 16 });
  cipher.setAAD(aad, { plaintextLength: plaintext.byteLength });
  const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  return { ciphertext, tag: cipher.getAuthTag() };
}

export function uint32(value: number): Buffer {
  return Buffer.of(value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255);
}

export function uint16(value: number): Buffer {
  return Buffer.of(value >>> 8, value & 255);
}

/** Each field behind its length in four bytes; numbers in four bytes too. */
export function fields(...values: (string | number | Uint8Array)[]): Buffer {
  const encoded = values.map((value) =>
    typeof value === "string" ? Buffer.from(value) : typeof value === "number" ? uint32(value) : value,
  );
  return Buffer.concat(encoded.flatMap((value) => [uint32(value.byteLength), value]));
}
