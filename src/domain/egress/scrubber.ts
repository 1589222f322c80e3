// Finds texts in a stream, also across its chunks, and puts others in their places. What cannot be the beginning of one goes on at once.
import type { ScrubForm } from "./scrub-forms.ts";

export interface Scrubber {
  /** What of the stream can go on now. */
  push(chunk: Buffer): Buffer;
  /** The rest. */
  end(): Buffer;
}

const nothing = Buffer.alloc(0);

/** `forms` are longest first. */
export function createScrubber(forms: readonly ScrubForm[]): Scrubber {
  const needles = forms.map(({ find, put }) => ({ find: Buffer.from(find, "utf8"), put: Buffer.from(put, "utf8") }));
  const longest = Math.max(0, ...needles.map(({ find }) => find.byteLength));
  let held: Buffer = nothing;

  function replaced(data: Buffer): { out: Buffer[]; rest: Buffer } {
    const out: Buffer[] = [];
    // Where each is next: looked for again only once it is passed.
    const next = needles.map(({ find }) => data.indexOf(find));
    for (let from = 0; ; ) {
      let first = -1;
      for (const [i, { find }] of needles.entries()) {
        if (next[i] !== -1 && (next[i] as number) < from) next[i] = data.indexOf(find, from);
        const at = next[i] as number;
        if (at !== -1 && (first === -1 || at < (next[first] as number))) first = i;
      }
      const needle = needles[first];
      if (!needle) return { out, rest: data.subarray(from) };
      const at = next[first] as number;
      out.push(data.subarray(from, at), needle.put);
      from = at + needle.find.byteLength;
    }
  }

  return {
    push(chunk) {
      const { out, rest } = replaced(held.byteLength === 0 ? chunk : Buffer.concat([held, chunk]));
      const keep = heldFrom(rest);
      out.push(rest.subarray(0, keep));
      held = keep === rest.byteLength ? nothing : Buffer.from(rest.subarray(keep));
      return out.length === 1 ? (out[0] as Buffer) : Buffer.concat(out);
    },
    end() {
      const rest = held;
      held = nothing;
      return rest;
    },
  };

  /** Where the end of the data begins that may be the beginning of a text. */
  function heldFrom(data: Buffer): number {
    for (let at = Math.max(0, data.byteLength - longest + 1); at < data.byteLength; at++) {
      const tail = data.subarray(at);
      const mayBegin = ({ find }: { find: Buffer }) =>
        find.byteLength > tail.byteLength && find[0] === tail[0] && find.subarray(0, tail.byteLength).equals(tail);
      if (needles.some(mayBegin)) return at;
    }
    return data.byteLength;
  }
}

/** The same for a text that is there as a whole. */
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
