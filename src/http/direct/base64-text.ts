// Base64 of gRPC-Web in text mode: one or more encoded pieces, each with its own padding.
import { CofferError } from "../../domain/error/errors.ts";

/** Returns the length of the text for a number of bytes. */
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
  // Buffer.from skips unknown characters.
  if (bytes.toString("base64") === piece) return bytes;
  throw new CofferError("REQUEST_MALFORMED", "the body is not valid base64");
}
