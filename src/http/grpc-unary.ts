// Answers unary gRPC and gRPC-Web requests directly, past the universal handler: same answers, a fraction of the cost.
import { type DescMethodUnary, toBinary } from "@bufbuild/protobuf";
import { parseTimeout } from "@connectrpc/connect/protocol-grpc";
import { trailerFlag, trailerSerialize } from "@connectrpc/connect/protocol-grpc-web";
import { CofferError, invalidField } from "../domain/errors.ts";
import type { Invoke } from "../rpc/invoke.ts";
import { readBinaryMessage } from "./binary-input.ts";
import { type BodyLimits, inflate, readBody } from "./body.ts";
import type { Answer, Exchange } from "./exchange.ts";
import type { GrpcContentType } from "./grpc-content-type.ts";
import { timeoutMsMax } from "./timeout.ts";

export interface GrpcUnaryOptions {
  invoke: Invoke;
  bodyLimits: BodyLimits;
}

const prefixBytes = 5;
const isCompressed = 1;

/** Answers a POST. Throws CofferError, or something unforeseen. */
export async function answerGrpcUnary(
  { invoke, bodyLimits }: GrpcUnaryOptions,
  method: DescMethodUnary,
  { isWeb }: GrpcContentType,
  exchange: Exchange,
): Promise<Answer> {
  const timeoutMs = readTimeoutMs(exchange.headers);
  const bytes = await readMessage(exchange, bodyLimits);
  const result = await invoke(method, readBinaryMessage(method.input, bytes), {
    protocolName: isWeb ? "grpc-web" : "grpc",
    source: exchange,
    timeoutMs,
  });
  const headers = { ...Object.fromEntries(result.header), "content-type": contentTypeOf(isWeb) };
  const body = framed(0, toBinary(method.output, result.message));
  const trailers = { ...Object.fromEntries(result.trailer), "grpc-status": "0" };
  if (!isWeb) return { status: 200, headers, body, trailers };
  // Browsers cannot read trailers: they come as a last frame.
  const lastFrame = framed(trailerFlag, trailerSerialize(new Headers(trailers)));
  return { status: 200, headers, body: Buffer.concat([body, lastFrame]) };
}

function contentTypeOf(isWeb: boolean): string {
  return isWeb ? "application/grpc-web+proto" : "application/grpc+proto";
}

function readTimeoutMs(headers: Headers): number | undefined {
  const { timeoutMs, error } = parseTimeout(headers.get("grpc-timeout"), Number.POSITIVE_INFINITY);
  if (error) throw invalidField("grpc-timeout", "must be a number of at most 8 digits and a unit (H, M, S, m, u or n)");
  return timeoutMs === undefined ? undefined : Math.min(timeoutMs, timeoutMsMax);
}

/** REQUEST_MALFORMED unless the body is exactly one message. */
async function readMessage({ request, headers }: Exchange, limits: BodyLimits): Promise<Uint8Array> {
  const body = await readBody(request, { ...limits, sizeBytesMax: limits.sizeBytesMax + prefixBytes });
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  if (body.byteLength < prefixBytes || view.getUint32(1) !== body.byteLength - prefixBytes) {
    throw malformed("the body is not exactly one message");
  }
  const flags = view.getUint8(0);
  const message = body.subarray(prefixBytes);
  if (flags === 0) return message;
  if (flags !== isCompressed) throw malformed("the message has flags that are not known");
  if (headers.get("grpc-encoding") !== "gzip") {
    throw new CofferError("COMPRESSION_UNSUPPORTED", "the grpc-encoding must be gzip or identity");
  }
  return inflate(message, limits.sizeBytesMax);
}

function framed(flags: number, message: Uint8Array): Uint8Array {
  const frame = Buffer.allocUnsafe(prefixBytes + message.byteLength);
  frame.writeUInt8(flags, 0);
  frame.writeUInt32BE(message.byteLength, 1);
  frame.set(message, prefixBytes);
  return frame;
}

function malformed(message: string): CofferError {
  return new CofferError("REQUEST_MALFORMED", message);
}
