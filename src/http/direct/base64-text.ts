// Base64 as gRPC-Web sends it in text mode: one or more encoded pieces, each with its own padding, one behind the other.
import { CofferError } from "../../domain/error/errors.ts";

/** How many characters so many bytes take. */
export function base64Length(bytes: number): number {
  return Math.ceil(bytes / 3) * 4;
}

/** Fails with REQUEST_MALFORMED. */
export function decodeText(text: Uint8Array): Buffer {
  const pieces =
    Buffer.from(text)
      .toString("latin1")
      .match(/[^=]+={0,2}/g) ?? [];
  return Buffer.concat(pieces.map(decodePiece));
}

function decodePiece(piece: string): Buffer {
  const bytes = Buffer.from(piece, "base64");
  // Lenient decoders skip characters that they do not know.
  if (bytes.toString("base64") === piece) return bytes;
  throw new CofferError("REQUEST_MALFORMED", "the body is not valid base64");
}
