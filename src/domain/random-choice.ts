// Choices that are all equally likely, made of random bytes: what would make some likelier is thrown away.
import type { RandomBytes } from "./random.ts";

export interface Chooser {
  /** From 0 to one less than `count`, which is 65,536 at most. */
  below(count: number): number;
  /** Every order is equally likely (Fisher–Yates). */
  shuffle(items: Uint8Array): void;
  /** Overwrites the random bytes that are left, and those that were used. */
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
    // The last values, which do not make a whole round of `count`, would favour its first ones.
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
