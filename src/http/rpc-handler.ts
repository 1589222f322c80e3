// Hands streams to connect-node's handlers.
import type { ConnectRouter, ContextValues } from "@connectrpc/connect";
import { universalRequestFromNodeRequest, universalResponseToNodeResponse } from "@connectrpc/connect-node";
import type { NodeRequest, NodeResponse } from "./exchange.ts";

export type RpcHandler = (request: NodeRequest, response: NodeResponse, contextValues: ContextValues) => void;

/** For paths of the router only. */
export function createRpcHandler(router: ConnectRouter, onUnexpectedError: (error: unknown) => void): RpcHandler {
  const handlers = new Map(router.handlers.map((handler) => [handler.requestPath, handler]));
  return (request, response, contextValues) => {
    const handler = handlers.get((request.url ?? "").split("?", 1)[0] ?? "");
    if (!handler) throw new Error("the router has no such path");
    const universal = universalRequestFromNodeRequest(request, response, undefined, contextValues);
    handler(universal)
      .then((answer) => universalResponseToNodeResponse(answer, response))
      // A client that went away is no error.
      .catch((error: unknown) => {
        if (!response.destroyed && !universal.signal.aborted) onUnexpectedError(error);
      });
  };
}
