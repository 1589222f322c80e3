// Binary encoding with explicit lengths, and a strict reader for it.
import { valueCorrupt } from "./corrupt.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Encodes as UTF-8. Throws for lone surrogates, because two strings must never give the same bytes. */
export function utf8Bytes(text: string): Uint8Array {
  if (!text.isWellFormed()) throw new TypeError("a lone surrogate cannot be encoded");
  return Buffer.from(text, "utf8");
}

export function uint32Bytes(value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** Concatenates fields, each preceded by its length (4 bytes, big-endian). */
export function lengthPrefixed(fields: readonly Uint8Array[]): Buffer {
  return Buffer.concat(fields.flatMap((field) => [uint32Bytes(field.byteLength), field]));
}

/** Reads from front to back. Fails with VALUE_CORRUPT when bytes are missing or left over. Returned bytes are views. */
export interface Reader {
  take(size: number): Uint8Array;
  /** Returns the remaining bytes. */
  rest(): Uint8Array;
  uint8(): number;
  uint16(): number;
  uint32(): number;
  text(size: number): string;
  end(): void;
}

export function createReader(bytes: Uint8Array): Reader {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let offset = 0;
  const take = (size: number): Buffer => {
    if (size > view.byteLength - offset) throw valueCorrupt();
    offset += size;
    return view.subarray(offset - size, offset);
  };
  return {
    take,
    rest: () => take(view.byteLength - offset),
    uint8: () => take(1).readUInt8(),
    uint16: () => take(2).readUInt16BE(),
    uint32: () => take(4).readUInt32BE(),
    text: (size) => {
      try {
        return utf8.decode(take(size));
      } catch {
        throw valueCorrupt();
      }
    },
    end: () => {
      if (offset !== view.byteLength) throw valueCorrupt();
    },
  };
}
