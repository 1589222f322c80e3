// Remembers the rows of keys that sealed values. A row may have changed since: the statement that writes the value compares it.
import { BoundedMap } from "../domain/bounded-map.ts";
import type { StoredKmsKey } from "../store/rows/kms-key.ts";

/** Authentic rows of keys that could wrap secrets when they were read, by workspace and the way that a request names the key. */
export type SealingKeys = Map<string, StoredKmsKey>;

const rowsKeptMax = 10_000;

export function createSealingKeys(): SealingKeys {
  return new BoundedMap(rowsKeptMax);
}
