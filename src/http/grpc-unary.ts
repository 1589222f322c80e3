// Reads the message of a unary gRPC or gRPC-Web request before the handler does: one that is none is the caller's fault, and the
// answer says so with details, where the handler would call it its own.
import { type DescMethodUnary, fromBinary } from "@bufbuild/protobuf";
import { CofferError } from "../domain/errors.ts";
import { type BodyLimits, inflate, readBody } from "./body.ts";
import type { Exchange } from "./exchange.ts";

const prefixBytes = 5;
const isCompressed = 1;

/** The body as it came. Throws REQUEST_MALFORMED unless it is exactly one message of this method. */
export async function readGrpcUnary(
  method: DescMethodUnary,
  { request, headers }: Exchange,
  limits: BodyLimits,
): Promise<Uint8Array> {
  const body = await readBody(request, { ...limits, sizeBytesMax: limits.sizeBytesMax + prefixBytes });
  const message = await messageIn(body, headers.get("grpc-encoding"), limits.sizeBytesMax);
  try {
    fromBinary(method.input, message);
  } catch {
    throw malformed(`the message is not a valid ${method.input.typeName}`);
  }
  return body;
}

async function messageIn(body: Uint8Array, encoding: string | null, sizeBytesMax: number): Promise<Uint8Array> {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  if (body.byteLength < prefixBytes || view.getUint32(1) !== body.byteLength - prefixBytes) {
    throw malformed("the body is not exactly one message");
  }
  const flags = view.getUint8(0);
  const message = body.subarray(prefixBytes);
  if (flags === 0) return message;
  if (flags !== isCompressed) throw malformed("the message has flags that are not known");
  if (encoding !== "gzip")
    throw new CofferError("UNSUPPORTED_MEDIA_TYPE", "the grpc-encoding must be gzip or identity");
  return inflate(message, sizeBytesMax);
}

function malformed(message: string): CofferError {
  return new CofferError("REQUEST_MALFORMED", message);
}
