// The hashes of signatures and MACs, under the names that callers see.

/** Each name with its name in node:crypto. */
export const hashes = { "sha2-256": "sha256", "sha2-384": "sha384", "sha2-512": "sha512" } as const;

export type HashName = keyof typeof hashes;
