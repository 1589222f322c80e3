// The body of an answer as it is without its coding: what cannot be read cannot be scrubbed.
import type { IncomingMessage } from "node:http";
import type { Readable, Transform } from "node:stream";
import zlib from "node:zlib";

const flush = { flush: zlib.constants.Z_SYNC_FLUSH };
/** 8 MiB, as browsers have it (RFC 9659): the host chooses how much memory an answer takes. */
const zstdWindowLogMax = 23;
const decoders: ReadonlyMap<string, () => Transform> = new Map([
  ["gzip", () => zlib.createGunzip(flush)],
  ["x-gzip", () => zlib.createGunzip(flush)],
  ["deflate", () => zlib.createInflate(flush)],
  ["br", () => zlib.createBrotliDecompress({ flush: zlib.constants.BROTLI_OPERATION_FLUSH })],
  ["zstd", () => zlib.createZstdDecompress({ params: { [zlib.constants.ZSTD_d_windowLogMax]: zstdWindowLogMax } })],
]);

/** The coding of a host that was asked for none, and gave one all the same; undefined when it gave none. */
export function codingOf({ headers }: IncomingMessage): string | undefined {
  const transferCoding = headers["transfer-encoding"]?.trim().toLowerCase() ?? "chunked";
  // It was asked for none of these either, and they go without saying.
  if (transferCoding !== "chunked") return `transfer ${transferCoding}`;
  const coding = headers["content-encoding"]?.trim().toLowerCase();
  return coding === "" || coding === "identity" ? undefined : coding;
}

/** Undefined for a coding that is not known. */
export function decoded(incoming: IncomingMessage, coding: string): Readable | undefined {
  const decoder = decoders.get(coding)?.();
  if (!decoder) return undefined;
  incoming.on("error", (error) => decoder.destroy(error));
  return incoming.pipe(decoder);
}
