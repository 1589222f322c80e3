// The header grpc-message: clients decode only what the specification of gRPC over HTTP/2 lets a server encode.

/** Percent-encodes the bytes of UTF-8 that are not printable ASCII, and the percent sign. */
export function encodeGrpcMessage(message: string): string {
  return message.replace(/[^ -$&-~]+/gu, (text) =>
    Array.from(Buffer.from(text), (byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`).join(""),
  );
}
