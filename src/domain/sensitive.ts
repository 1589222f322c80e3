// The only carrier of plaintext. It prints as `[redacted]` everywhere.
import { inspect } from "node:util";

const redacted = "[redacted]";

/** Plaintext bytes. `reveal()` returns them; `zero()` overwrites them, as far as JavaScript can. */
export class Sensitive {
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get byteLength(): number {
    return this.#bytes.byteLength;
  }

  reveal(): Uint8Array {
    return this.#bytes;
  }

  zero(): void {
    this.#bytes.fill(0);
  }

  [Symbol.dispose](): void {
    this.zero();
  }

  toString(): string {
    return redacted;
  }

  toJSON(): string {
    return redacted;
  }

  [inspect.custom](): string {
    return redacted;
  }
}
