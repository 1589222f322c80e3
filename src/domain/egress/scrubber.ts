// Replaces texts in a stream, also across chunks. Whole lines are passed on at once, the rest at the next pause.
import type { ScrubForm } from "./scrub-forms.ts";

export interface Scrubber {
  /** Returns the bytes that can be passed on now. */
  push(chunk: Buffer): Buffer;
  /** Returns the bytes held back, because the stream pauses. If a value began in them, its rest is still replaced. */
  pause(): Buffer;
  /** Returns the bytes held back, because the stream has ended. */
  end(): Buffer;
}

const nothing = Buffer.alloc(0);
/** The number of bytes that are held back must not reveal the length of a value. */
const heldStepBytes = 64;

/** `forms` are longest first. */
export function createScrubber(forms: readonly ScrubForm[]): Scrubber {
  const needles = forms.map(({ find, put }) => ({ find: Buffer.from(find, "latin1"), put: Buffer.from(put, "utf8") }));
  const longest = Math.max(0, ...needles.map(({ find }) => find.byteLength));
  const heldBytesMax = Math.ceil(longest / heldStepBytes) * heldStepBytes;
  /** The end of the stream so far. Its first `goneBytes` bytes were already passed on in a pause. */
  let tail: Buffer = nothing;
  let goneBytes = 0;

  /**
   * Replaces values that begin before `end`; a value after it may be the beginning of a longer one. `isPause`: the bytes after the
   * last value are passed on and remembered.
   */
  function replaced(data: Buffer, end: number, isPause = false): Buffer {
    const out: Buffer[] = [];
    const add = (from: number, to: number) =>
      out.push(data.subarray(Math.max(from, goneBytes), Math.max(to, goneBytes)));
    // The next position of each text; searched again only after it is passed.
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
      add(from, at);
      out.push(needle.put);
      from = at + needle.find.byteLength;
    }
    const kept = Math.max(from, end);
    add(from, kept);
    const tailFrom = isPause ? from : kept;
    tail = tailFrom === data.byteLength ? nothing : Buffer.from(data.subarray(tailFrom));
    goneBytes = isPause ? tail.byteLength : Math.max(0, goneBytes - kept);
    return out.length === 1 ? (out[0] as Buffer) : Buffer.concat(out);
  }

  return {
    push(chunk) {
      const data = tail.byteLength === 0 ? chunk : Buffer.concat([tail, chunk]);
      return replaced(data, data.byteLength - visibleAtEnd(data, heldBytesMax));
    },
    pause: () => replaced(tail, tail.byteLength, true),
    end: () => replaced(tail, tail.byteLength),
  };
}

/**
 * Returns how many bytes at the end could belong to any value, at most `max`. With this value, a host that sees how much is held
 * back could guess the value letter by letter.
 */
function visibleAtEnd(data: Buffer, max: number): number {
  let count = 0;
  while (count < max && isVisible(data[data.byteLength - 1 - count])) count++;
  return count;
}

function isVisible(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x20 && byte !== 0x7f;
}

/** Replaces values in a whole text, as Latin-1. */
export function scrubText(text: string, forms: readonly ScrubForm[]): string {
  // A function, because a replacement text would interpret `$`.
  return forms.reduce((scrubbed, { find, put }) => scrubbed.replaceAll(find, () => put), text);
}

/** Finds the first text in a stream, before the chunk that completes it is passed on. */
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
