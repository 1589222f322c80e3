// Errors as the Connect protocol and gRPC write them.
import { errorToJson } from "@connectrpc/connect/protocol-connect";
import { setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import { connectStatusOf, errorHeaders, toConnectError } from "../../call/errors.ts";
import type { Answer } from "../../call/http-call.ts";
import { anyTypes } from "../../call/schema/any-types.ts";
import type { CofferError } from "../../domain/error/errors.ts";
import { type GrpcContentType, grpcContentType } from "./grpc-content-type.ts";

/** Returns JSON with code, message and details. The default `status` is the one of the Connect protocol. */
export function connectErrorAnswer(error: CofferError, status = connectStatusOf(error)): Answer {
  const headers: Record<string, string> = { ...errorHeaders(error), "content-type": "application/json" };
  if (status === 401) headers["www-authenticate"] = "Bearer";
  if (error.metadata["allow"] !== undefined) headers["allow"] = error.metadata["allow"];
  return { status, headers, body: JSON.stringify(errorToJson(toConnectError(error), { registry: anyTypes })) };
}

/** Returns an answer without messages. gRPC and gRPC-Web then send the status in the headers. */
export function grpcErrorAnswer(error: CofferError, type: GrpcContentType): Answer {
  const headers = {
    ...errorHeaders(error),
    ...Object.fromEntries(setTrailerStatus(new Headers(), toConnectError(error))),
  };
  headers["grpc-message"] = encodeGrpcMessage(error.message);
  headers["content-type"] = grpcContentType({ isWeb: type.isWeb, isText: type.isWeb && type.isText });
  return { status: error.reason === "UNSUPPORTED_MEDIA_TYPE" ? 415 : 200, headers };
}

/** Percent-encodes only the bytes that the specification of gRPC over HTTP/2 lets a server encode: clients decode no others. */
export function encodeGrpcMessage(message: string): string {
  return message.replace(/[^ -$&-~]+/gu, (text) =>
    Array.from(Buffer.from(text), (byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`).join(""),
  );
}
