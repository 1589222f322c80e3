// An error as gRPC and gRPC-Web write it when there is nothing else to say: the status in the headers.
import { setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import type { CofferError } from "../../domain/error/errors.ts";
import { errorHeaders, toConnectError } from "../../rpc/errors.ts";
import type { Answer } from "../exchange.ts";
import { type GrpcContentType, grpcContentType } from "./grpc-content-type.ts";
import { encodeGrpcMessage } from "./grpc-message.ts";

export function grpcErrorAnswer(error: CofferError, type: GrpcContentType): Answer {
  // Connect leaves out headers that belong to the protocol.
  const headers = {
    ...errorHeaders(error),
    ...Object.fromEntries(setTrailerStatus(new Headers(), toConnectError(error))),
  };
  headers["grpc-message"] = encodeGrpcMessage(error.message);
  headers["content-type"] = grpcContentType({ isWeb: type.isWeb, isText: type.isWeb && type.isText });
  return { status: error.reason === "UNSUPPORTED_MEDIA_TYPE" ? 415 : 200, headers };
}
