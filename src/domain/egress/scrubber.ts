// Finds texts in a stream, also across its chunks, and puts others in their places. The end of a line goes on at once.
import type { ScrubForm } from "./scrub-forms.ts";

export interface Scrubber {
  /** What of the stream can go on now. */
  push(chunk: Buffer): Buffer;
  /** The rest. */
  end(): Buffer;
}

const nothing = Buffer.alloc(0);
/** The length of a value must not be told by how much is held back. */
const heldStepBytes = 64;

/** `forms` are longest first. */
export function createScrubber(forms: readonly ScrubForm[]): Scrubber {
  const needles = forms.map(({ find, put }) => ({ find: Buffer.from(find, "latin1"), put: Buffer.from(put, "utf8") }));
  const longest = Math.max(0, ...needles.map(({ find }) => find.byteLength));
  const heldBytesMax = Math.ceil(longest / heldStepBytes) * heldStepBytes;
  let held: Buffer = nothing;

  /** Replaces what begins before `end`; what begins behind it may be the beginning of something longer. */
  function replaced(data: Buffer, end: number): Buffer {
    const out: Buffer[] = [];
    // Where each is next: looked for again only once it is passed.
    const next = needles.map(({ find }) => data.indexOf(find));
    let from = 0;
    for (;;) {
      let first = -1;
      for (const [i, { find }] of needles.entries()) {
        if (next[i] !== -1 && (next[i] as number) < from) next[i] = data.indexOf(find, from);
        const at = next[i] as number;
        if (at !== -1 && (first === -1 || at < (next[first] as number))) first = i;
      }
      const needle = needles[first];
      const at = next[first] as number;
      if (!needle || at >= end) break;
      out.push(data.subarray(from, at), needle.put);
      from = at + needle.find.byteLength;
    }
    const kept = Math.max(from, end);
    out.push(data.subarray(from, kept));
    held = kept === data.byteLength ? nothing : Buffer.from(data.subarray(kept));
    return out.length === 1 ? (out[0] as Buffer) : Buffer.concat(out);
  }

  return {
    push(chunk) {
      const data = held.byteLength === 0 ? chunk : Buffer.concat([held, chunk]);
      return replaced(data, data.byteLength - visibleAtEnd(data, heldBytesMax));
    },
    end: () => replaced(held, held.byteLength),
  };
}

/**
 * How many bytes at the end could be of a value, at most `max`. Of some value, not of this one: whoever writes an answer and
 * sees how much of it is held back would find out the value's beginning letter by letter.
 */
function visibleAtEnd(data: Buffer, max: number): number {
  let count = 0;
  while (count < max && isVisible(data[data.byteLength - 1 - count])) count++;
  return count;
}

function isVisible(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x20 && byte !== 0x7f;
}

/** The same for a text that is there as a whole, as Latin-1. */
export function scrubText(text: string, forms: readonly ScrubForm[]): string {
  // A function: what is put may hold what a replacement text would take for its own.
  return forms.reduce((scrubbed, { find, put }) => scrubbed.replaceAll(find, () => put), text);
}

/** Tells of the first text that a stream holds, before the chunk that completes it goes on. */
export function createFinder(texts: readonly string[]): (chunk: Buffer) => string | undefined {
  const needles = texts.map((text) => ({ text, bytes: Buffer.from(text, "utf8") }));
  const longest = Math.max(0, ...needles.map(({ bytes }) => bytes.byteLength));
  let tail: Buffer = nothing;
  return (chunk) => {
    const data = tail.byteLength === 0 ? chunk : Buffer.concat([tail, chunk]);
    const found = needles.find(({ bytes }) => data.includes(bytes));
    if (longest > 1) tail = Buffer.from(data.subarray(Math.max(0, data.byteLength - longest + 1)));
    return found?.text;
  };
}
