// The algorithms of keys, under the names that callers see.
import type { HashName } from "../domain/key/hash-name.ts";

interface AlgorithmSpec {
  /** The number in envelopes; never reused. */
  wireNumber: number;
  /** As node:crypto calls it. */
  cipher: "aes-128-gcm" | "aes-256-gcm" | "chacha20-poly1305";
  keySizeBytes: 16 | 32;
}

const table = {
  "aes128-gcm96": { wireNumber: 1, cipher: "aes-128-gcm", keySizeBytes: 16 },
  "aes256-gcm96": { wireNumber: 2, cipher: "aes-256-gcm", keySizeBytes: 32 },
  "chacha20-poly1305": { wireNumber: 3, cipher: "chacha20-poly1305", keySizeBytes: 32 },
} as const satisfies Record<string, AlgorithmSpec>;

export type Algorithm = keyof typeof table;

export const defaultAlgorithm: Algorithm = "aes256-gcm96";

export const algorithms = Object.keys(table) as readonly Algorithm[];

export function isAlgorithm(name: string): name is Algorithm {
  return Object.hasOwn(table, name);
}

export function algorithmSpec(algorithm: Algorithm): AlgorithmSpec {
  return table[algorithm];
}

export function algorithmOfWireNumber(wireNumber: number): Algorithm | undefined {
  return algorithms.find((algorithm) => table[algorithm].wireNumber === wireNumber);
}

interface RsaSpec {
  kind: "rsa";
  /** The number in ciphertexts; never reused. */
  wireNumber: number;
  modulusBits: 2048 | 3072 | 4096;
}

interface EcSpec {
  kind: "ec";
  /** As node:crypto calls it. */
  curve: "prime256v1" | "secp384r1" | "secp521r1";
  /** The usual hash of the curve. */
  hash: HashName;
}

interface MacSpec {
  kind: "mac";
  /** The size of new keys. */
  keySizeBytes: 32 | 64;
  /** The first is the default. */
  hashes: readonly [HashName, ...HashName[]];
}

const others = {
  "rsa-2048": { kind: "rsa", wireNumber: 16, modulusBits: 2048 },
  "rsa-3072": { kind: "rsa", wireNumber: 17, modulusBits: 3072 },
  "rsa-4096": { kind: "rsa", wireNumber: 18, modulusBits: 4096 },
  "ecdsa-p256": { kind: "ec", curve: "prime256v1", hash: "sha2-256" },
  "ecdsa-p384": { kind: "ec", curve: "secp384r1", hash: "sha2-384" },
  "ecdsa-p521": { kind: "ec", curve: "secp521r1", hash: "sha2-512" },
  ed25519: { kind: "ed25519" },
  hmac: { kind: "mac", keySizeBytes: 32, hashes: ["sha2-256", "sha2-384", "sha2-512"] },
  "hmac-sha256": { kind: "mac", keySizeBytes: 32, hashes: ["sha2-256"] },
  "hmac-sha512": { kind: "mac", keySizeBytes: 64, hashes: ["sha2-512"] },
} as const satisfies Record<string, RsaSpec | EcSpec | MacSpec | { kind: "ed25519" }>;

type OtherAlgorithm = keyof typeof others;

/** The algorithm of a key: it wraps DEKs, or only encrypts, signs or computes MACs for callers. */
export type KeyAlgorithm = Algorithm | OtherAlgorithm;

export type KeySpec = { kind: "aead"; keySizeBytes: 16 | 32 } | RsaSpec | EcSpec | MacSpec | { kind: "ed25519" };

export const keyAlgorithms: readonly KeyAlgorithm[] = [...algorithms, ...(Object.keys(others) as OtherAlgorithm[])];

export function isKeyAlgorithm(name: string): name is KeyAlgorithm {
  return isAlgorithm(name) || Object.hasOwn(others, name);
}

export function keySpec(algorithm: KeyAlgorithm): KeySpec {
  return isAlgorithm(algorithm) ? { kind: "aead", ...table[algorithm] } : others[algorithm];
}

/** The uses of a key by callers. */
export type KeyUse = "encrypt" | "sign" | "mac" | "public_key";

const usesOfKinds: Readonly<Record<KeySpec["kind"], readonly KeyUse[]>> = {
  aead: ["encrypt"],
  rsa: ["encrypt", "sign", "public_key"],
  ec: ["sign", "public_key"],
  ed25519: ["sign", "public_key"],
  mac: ["mac"],
};

export function isFor(algorithm: KeyAlgorithm, use: KeyUse): boolean {
  return usesOfKinds[keySpec(algorithm).kind].includes(use);
}
