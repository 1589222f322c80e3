// Inflates compressed bodies and messages, within limits, and names the encodings that are accepted.
import { promisify } from "node:util";
import { type BrotliDecompress, brotliDecompress, gunzip } from "node:zlib";
import { CofferError } from "../../domain/error/errors.ts";

/** Ordinary text does not compress better. A body that is small when inflated has no such limit. */
const inflationMax = 100;
const inflatedBytesFree = 64 * 1024;

type Inflate = (bytes: Uint8Array, options: { maxOutputLength: number }) => Promise<Buffer>;

const encodings: Readonly<Record<string, Inflate>> = { gzip: promisify(gunzip), br: inflateBrotli };

/** For headers such as Accept-Encoding (RFC 9110, section 12.5.3). */
const acceptedEncodings = [...Object.keys(encodings), "identity"].join(", ");

/**
 * Inflates bytes of this encoding; `identity` is none. Fails with COMPRESSION_UNSUPPORTED, whose answer has the header
 * `acceptHeader`, with REQUEST_TOO_LARGE or REQUEST_MALFORMED.
 */
export async function inflate(
  bytes: Uint8Array,
  encoding: string,
  { sizeBytesMax, acceptHeader }: { sizeBytesMax: number; acceptHeader: string },
): Promise<Uint8Array> {
  checkEncoding(encoding, acceptHeader);
  const decompress = encodings[encoding];
  if (decompress === undefined || bytes.byteLength === 0) return bytes;
  const inProportionBytes = Math.max(inflatedBytesFree, bytes.byteLength * inflationMax);
  try {
    return await decompress(bytes, { maxOutputLength: Math.min(sizeBytesMax, inProportionBytes) });
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ERR_BUFFER_TOO_LARGE")
      throw inProportionBytes < sizeBytesMax ? outOfProportion() : tooLarge(sizeBytesMax);
    throw new CofferError("REQUEST_MALFORMED", `the message is not valid ${encoding}`);
  }
}

/** Fails with COMPRESSION_UNSUPPORTED. */
export function checkEncoding(encoding: string, acceptHeader: string): void {
  if (encoding === "identity" || Object.hasOwn(encodings, encoding)) return;
  const message = `the encoding is not supported; supported: ${acceptedEncodings}`;
  throw new CofferError("COMPRESSION_UNSUPPORTED", message, {}, { headers: { [acceptHeader]: acceptedEncodings } });
}

/** Throws when anything follows the compressed data, which Node ignores: nobody else would read such a body in the same way. */
function inflateBrotli(bytes: Uint8Array, { maxOutputLength }: { maxOutputLength: number }): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    brotliDecompress(bytes, { maxOutputLength, info: true }, (error, result) => {
      if (error) return reject(error);
      // The types of Node leave out what `info` changes.
      const { buffer, engine } = result as unknown as { buffer: Buffer; engine: BrotliDecompress };
      if (engine.bytesWritten === bytes.byteLength) resolve(buffer);
      else reject(new Error("more bytes follow the compressed data"));
    });
  });
}

function outOfProportion(): CofferError {
  return new CofferError("REQUEST_TOO_LARGE", `the message inflates to more than ${inflationMax} times its size`);
}

export function tooLarge(sizeBytesMax: number): CofferError {
  return new CofferError("REQUEST_TOO_LARGE", `the body is larger than ${sizeBytesMax} bytes`, {
    size_bytes_max: String(sizeBytesMax),
  });
}
