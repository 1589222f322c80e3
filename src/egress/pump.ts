// Moves a body on, chunk by chunk, no faster than it is taken.
import type { Readable, Writable } from "node:stream";

export interface Pumped {
  /** What goes on instead of the chunk; undefined ends the pumping. */
  each(chunk: Buffer): Buffer | undefined;
  /** What is still to come at the end. */
  atEnd(): Buffer | undefined;
}

/** The sink ends with the source. */
export function pump(source: Readable, sink: Writable, { each, atEnd }: Pumped): void {
  const resume = () => source.resume();
  const onData = (chunk: Buffer) => {
    const out = each(chunk);
    if (out === undefined) {
      source.off("data", onData);
      source.off("end", onEnd);
      sink.off("drain", resume);
      return;
    }
    if (out.byteLength > 0 && !sink.write(out)) source.pause();
  };
  const onEnd = () => {
    const rest = atEnd();
    if (rest && rest.byteLength > 0) sink.end(rest);
    else sink.end();
  };
  sink.on("drain", resume);
  source.on("data", onData);
  source.on("end", onEnd);
}
