// Draws random bytes from the system in larger pieces, because most requests are short.
import { randomFillSync } from "node:crypto";
import type { RandomBytes } from "../domain/random.ts";

const poolBytes = 4_096;
const shortBytesMax = 64;

/** Each byte is returned once, and no copy remains in the pool. */
export function createRandomBytes(): RandomBytes {
  const pool = new Uint8Array(poolBytes);
  let used = poolBytes;
  return (size) => {
    if (size > shortBytesMax) return randomFillSync(new Uint8Array(size));
    if (used + size > poolBytes) {
      randomFillSync(pool);
      used = 0;
    }
    const bytes = pool.slice(used, used + size);
    pool.fill(0, used, used + size);
    used += size;
    return bytes;
  };
}
