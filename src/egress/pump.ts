// Passes a body on, chunk by chunk, no faster than the sink accepts it.
import type { Readable, Writable } from "node:stream";

export interface Pumped {
  /** Returns the bytes to pass on instead of the chunk; undefined ends the pump. */
  each(chunk: Buffer): Buffer | undefined;
  /** Returns the bytes to pass on when no chunk has come for this many milliseconds. */
  afterPause?: { ms: number; rest: () => Buffer };
  /** Returns the bytes to pass on at the end. */
  atEnd?: () => Buffer;
}

/** The sink ends with the source. */
export function pump(source: Readable, sink: Writable, { each, afterPause, atEnd }: Pumped): void {
  let pause: NodeJS.Timeout | undefined;
  const resume = () => source.resume();
  const write = (out: Buffer) => {
    if (out.byteLength > 0 && !sink.write(out)) source.pause();
  };
  const stop = () => {
    clearTimeout(pause);
    source.off("data", onData);
    source.off("end", onEnd);
    sink.off("drain", resume);
  };
  const onData = (chunk: Buffer) => {
    const out = each(chunk);
    if (out === undefined) {
      stop();
      return;
    }
    write(out);
    if (!afterPause) return;
    pause = pause?.refresh() ?? setTimeout(() => write(afterPause.rest()), afterPause.ms);
  };
  const onEnd = () => {
    clearTimeout(pause);
    sink.end(atEnd?.());
  };
  sink.on("drain", resume);
  sink.on("close", () => clearTimeout(pause));
  source.on("data", onData);
  source.on("end", onEnd);
}
