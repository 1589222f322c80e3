// Decompresses the body of an answer, so that values in it can be found.
import type { IncomingMessage } from "node:http";
import type { Readable, Transform } from "node:stream";
import zlib from "node:zlib";

const flush = { flush: zlib.constants.Z_SYNC_FLUSH };
/** 8 MiB, as in browsers (RFC 9659). Without a limit the host would choose how much memory an answer takes. */
const zstdWindowLogMax = 23;
const decoders: ReadonlyMap<string, () => Transform> = new Map([
  ["gzip", () => zlib.createGunzip(flush)],
  ["x-gzip", () => zlib.createGunzip(flush)],
  ["deflate", () => zlib.createInflate(flush)],
  ["br", () => zlib.createBrotliDecompress({ flush: zlib.constants.BROTLI_OPERATION_FLUSH })],
  ["zstd", () => zlib.createZstdDecompress({ params: { [zlib.constants.ZSTD_d_windowLogMax]: zstdWindowLogMax } })],
]);

/** Returns the coding of an answer; undefined without one. Some hosts use a coding although the request accepts none. */
export function codingOf({ headers }: IncomingMessage): string | undefined {
  const transferCoding = headers["transfer-encoding"]?.trim().toLowerCase() ?? "chunked";
  // The request accepts no transfer coding either.
  if (transferCoding !== "chunked") return `transfer ${transferCoding}`;
  const coding = headers["content-encoding"]?.trim().toLowerCase();
  return coding === "" || coding === "identity" ? undefined : coding;
}

/** Returns undefined for an unknown coding. */
export function decoded(incoming: IncomingMessage, coding: string): Readable | undefined {
  const decoder = decoders.get(coding)?.();
  if (!decoder) return undefined;
  incoming.on("error", (error) => decoder.destroy(error));
  return incoming.pipe(decoder);
}
