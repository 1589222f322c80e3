// Answers unary gRPC and gRPC-Web requests without Connect's universal handler: the same answers with less work.
import type { DescMethodUnary } from "@bufbuild/protobuf";
import { parseTimeout } from "@connectrpc/connect/protocol-grpc";
import { trailerFlag, trailerSerialize } from "@connectrpc/connect/protocol-grpc-web";
import { recordOf } from "../../call/header-map.ts";
import type { Answer, HttpCall } from "../../call/http-call.ts";
import { timeoutMsMax } from "../../call/invoke.ts";
import { writeBinary } from "../../call/schema/frozen-messages.ts";
import { CofferError, invalidField } from "../../domain/error/errors.ts";
import { inflate } from "../body/inflate.ts";
import { type BodyLimits, readBody } from "../body/read-body.ts";
import { base64Length, decodeText } from "./base64-text.ts";
import { readBinaryMessage } from "./binary-input.ts";
import type { UnaryOptions } from "./connect-unary.ts";
import { type GrpcContentType, grpcContentType } from "./grpc-content-type.ts";

const prefixBytes = 5;
const isCompressed = 1;

/** Answers a POST. Throws CofferError, or an unexpected error. */
export async function answerGrpcUnary(
  { invoke, bodyLimits }: UnaryOptions,
  method: DescMethodUnary,
  { isWeb, isText }: GrpcContentType,
  call: HttpCall,
): Promise<Answer> {
  const timeoutMs = readTimeoutMs(call.headers);
  const bytes = await readMessage(call, isText, bodyLimits);
  const result = await invoke(method, readBinaryMessage(method.input, bytes), {
    protocolName: isWeb ? "grpc-web" : "grpc",
    source: call,
    timeoutMs,
  });
  const headers = recordOf(result.header);
  headers["content-type"] = grpcContentType({ isWeb, isText });
  const body = framed(0, writeBinary(method.output, result.message));
  const trailers = { ...(result.trailer && recordOf(result.trailer)), "grpc-status": "0" };
  if (!isWeb) return { status: 200, headers, body, trailers };
  // Browsers cannot read trailers. gRPC-Web sends them in the last frame.
  const lastFrame = framed(trailerFlag, trailerSerialize(new Headers(trailers)));
  const bytesOfBody = Buffer.concat([body, lastFrame]);
  return { status: 200, headers, body: isText ? bytesOfBody.toString("base64") : bytesOfBody };
}

/** Returns the deadline in grpc-timeout, in milliseconds after the headers arrived. Fails with FIELD_INVALID. */
export function readTimeoutMs(headers: Headers): number | undefined {
  const { timeoutMs, error } = parseTimeout(headers.get("grpc-timeout"), Number.POSITIVE_INFINITY);
  if (error) throw invalidField("grpc-timeout", "must be a number of at most 8 digits and a unit (H, M, S, m, u or n)");
  return timeoutMs === undefined ? undefined : Math.min(timeoutMs, timeoutMsMax);
}

/** Returns the one message of the body. Fails with MESSAGE_COUNT, REQUEST_MALFORMED or as `inflate` does. */
async function readMessage({ request, headers }: HttpCall, isText: boolean, limits: BodyLimits): Promise<Uint8Array> {
  const sizeBytesMax = limits.sizeBytesMax + prefixBytes;
  const sent = await readBody(request, { ...limits, sizeBytesMax: isText ? base64Length(sizeBytesMax) : sizeBytesMax });
  const body = isText ? decodeText(sent) : sent;
  if (body.byteLength === 0) throw new CofferError("MESSAGE_COUNT", "the call has no message");
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const end = body.byteLength < prefixBytes ? Number.POSITIVE_INFINITY : prefixBytes + view.getUint32(1);
  if (end > body.byteLength) throw malformed("the message is cut short");
  if (end < body.byteLength) throw new CofferError("MESSAGE_COUNT", "the call has more than one message");
  const flags = view.getUint8(0);
  const message = body.subarray(prefixBytes);
  if (flags === 0) return message;
  if (flags !== isCompressed) throw malformed("the message has flags that are not known");
  const encoding = headers.get("grpc-encoding") ?? "identity";
  if (encoding === "identity") {
    throw new CofferError("COMPRESSION_UNDECLARED", "the message is compressed, and grpc-encoding does not say how");
  }
  return inflate(message, encoding, { sizeBytesMax: limits.sizeBytesMax, acceptHeader: "grpc-accept-encoding" });
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
