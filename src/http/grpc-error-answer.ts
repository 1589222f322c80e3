// An error as gRPC and gRPC-Web write it when there is nothing else to say: HTTP 200 and the status in the headers.
import { setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import type { CofferError } from "../domain/errors.ts";
import { toConnectError } from "../rpc/errors.ts";
import type { Answer } from "./exchange.ts";

export function grpcErrorAnswer(error: CofferError, contentType: string): Answer {
  const headers = setTrailerStatus(new Headers(), toConnectError(error));
  return { status: 200, headers: { ...Object.fromEntries(headers), "content-type": contentType } };
}
