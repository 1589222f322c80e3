// Writes fields into one reused buffer: allocating short-lived pieces would cost more than the hash.

/** Grows as needed. The view from `bytes` is valid until the next `start`. */
export interface Writer {
  /** Starts again, with `offset` free bytes at the beginning. */
  start(offset: number): void;
  uint8(value: number): void;
  /** Big-endian. */
  uint32(value: number): void;
  bytes(value: Uint8Array): void;
  /** UTF-8 preceded by its length (4 bytes). Throws for lone surrogates, because two strings must never give the same bytes. */
  text(value: string): void;
  /** Returns a view of everything, from the beginning. */
  view(): Buffer;
}

export function createWriter(): Writer {
  let buffer = Buffer.alloc(1_024);
  let end = 0;
  const reserve = (size: number) => {
    if (end + size <= buffer.byteLength) return;
    const larger = Buffer.alloc(2 * (end + size));
    buffer.copy(larger, 0, 0, end);
    buffer.fill(0);
    buffer = larger;
  };
  return {
    start(offset) {
      end = 0;
      reserve(offset);
      end = offset;
    },
    uint8(value) {
      reserve(1);
      end = buffer.writeUInt8(value, end);
    },
    uint32(value) {
      reserve(4);
      end = buffer.writeUInt32BE(value, end);
    },
    bytes(value) {
      reserve(value.byteLength);
      buffer.set(value, end);
      end += value.byteLength;
    },
    text(value) {
      if (!value.isWellFormed()) throw new TypeError("a lone surrogate cannot be encoded");
      // UTF-8 needs at most three bytes for each UTF-16 unit.
      reserve(4 + 3 * value.length);
      const size = buffer.write(value, end + 4, "utf8");
      buffer.writeUInt32BE(size, end);
      end += 4 + size;
    },
    view: () => buffer.subarray(0, end),
  };
}
