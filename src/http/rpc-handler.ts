// Hands gRPC, gRPC-Web and streams to connect-node's handlers.
import type { ConnectRouter } from "@connectrpc/connect";
import { createAsyncIterable } from "@connectrpc/connect/protocol";
import { universalRequestFromNodeRequest, universalResponseToNodeResponse } from "@connectrpc/connect-node";
import type { NodeRequest, NodeResponse } from "./exchange.ts";
import { contextValuesOf } from "./open-exchange.ts";

/** `body` is what was read of it already: all. */
export type RpcHandler = (request: NodeRequest, response: NodeResponse, body?: Uint8Array) => void;

/** For paths of the router only. */
export function createRpcHandler(router: ConnectRouter, onUnexpectedError: (error: unknown) => void): RpcHandler {
  const handlers = new Map(router.handlers.map((handler) => [handler.requestPath, handler]));
  return (request, response, body) => {
    const handler = handlers.get((request.url ?? "").split("?", 1)[0] ?? "");
    if (!handler) throw new Error("the router has no such path");
    const universal = universalRequestFromNodeRequest(request, response, undefined, contextValuesOf(request));
    handler(body ? { ...universal, body: createAsyncIterable([body]) } : universal)
      .then((answer) => universalResponseToNodeResponse(answer, response))
      // A client that went away is no error.
      .catch((error: unknown) => {
        if (!response.destroyed && !universal.signal.aborted) onUnexpectedError(error);
      });
  };
}
