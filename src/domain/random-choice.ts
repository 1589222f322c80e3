// Uniform random choices from random bytes. Bytes that would introduce a bias are discarded.
import type { RandomBytes } from "./random.ts";

export interface Chooser {
  /** Returns a number from 0 to `count` - 1. `count` is at most 65,536. */
  below(count: number): number;
  /** Shuffles uniformly (Fisher–Yates). */
  shuffle(items: Uint8Array): void;
  /** Overwrites all random bytes, used and unused. */
  forget(): void;
}

const chunkSizeBytes = 256;
const values = 65_536;

/** Takes its bytes from `random` in chunks. */
export function createChooser(random: RandomBytes): Chooser {
  let chunk: Uint8Array = new Uint8Array();
  let used = 0;

  function next(): number {
    if (used === chunk.byteLength) {
      chunk.fill(0);
      chunk = random(chunkSizeBytes);
      used = 0;
    }
    return (chunk[used++] as number) * 256 + (chunk[used++] as number);
  }

  function below(count: number): number {
    // Discard the last values: they are not a full multiple of `count` and would favour small numbers.
    const limit = values - (values % count);
    for (;;) {
      const value = next();
      if (value < limit) return value % count;
    }
  }

  return {
    below,
    shuffle(items) {
      for (let last = items.length - 1; last > 0; last--) {
        const chosen = below(last + 1);
        const item = items[last] as number;
        items[last] = items[chosen] as number;
        items[chosen] = item;
      }
    },
    forget: () => void chunk.fill(0),
  };
}
