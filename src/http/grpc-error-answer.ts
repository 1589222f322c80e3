// An error as gRPC and gRPC-Web write it when there is nothing else to say: HTTP 200 and the status in the headers.
import { setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import type { CofferError } from "../domain/errors.ts";
import { toConnectError } from "../rpc/errors.ts";
import type { Answer } from "./exchange.ts";

/** `grpc`, `grpc-web` or `grpc-web-text`, with what follows the plus, or undefined. */
export function grpcContentType(contentType: string | undefined): { isJson: boolean } | undefined {
  const match = /^application\/grpc(?:-web(?:-text)?)?(?:\+([\w-]+))?(?:\s*;.*)?$/i.exec(contentType ?? "");
  return match === null ? undefined : { isJson: match[1]?.toLowerCase() === "json" };
}

export function grpcErrorAnswer(error: CofferError, contentType: string): Answer {
  const headers = setTrailerStatus(new Headers(), toConnectError(error));
  return { status: 200, headers: { ...Object.fromEntries(headers), "content-type": contentType } };
}
