// The authenticated ciphers of keys and envelopes, under the names that callers see.

interface AlgorithmSpec {
  /** In envelopes; never reused. */
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
