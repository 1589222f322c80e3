/** Writes a text to a stream again and again, until the stream is ended or closed. */
import type { Writable } from "node:stream";

/**
 * Writes `text` every `everyMs` milliseconds, and returns a function that stops it.
 *
 * A timer may fire after the stream was ended, before "close": a write then is an uncaught error of the whole test file.
 */
export function writeEvery(stream: Writable, everyMs: number, text: string | (() => string)): () => void {
  const timer = setInterval(() => {
    if (stream.writableEnded || stream.destroyed) clearInterval(timer);
    else stream.write(typeof text === "string" ? text : text());
  }, everyMs);
  const stop = () => clearInterval(timer);
  stream.once("close", stop);
  return stop;
}
