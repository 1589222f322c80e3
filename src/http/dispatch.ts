// Decides who answers a request: health, the direct Connect path, the RPC handler, or the REST gateway.
import type { DescMethod, DescMethodUnary, DescService, Registry } from "@bufbuild/protobuf";
import { CofferError, type Reason } from "../domain/errors.ts";
import { isCallKey, peerKey, requestIdKey } from "../rpc/context.ts";
import { toCofferError } from "../rpc/errors.ts";
import type { Invoke } from "../rpc/invoke.ts";
import type { RestSurface } from "../surfaces/rest-surface.ts";
import type { BodyLimits } from "./body.ts";
import { connectErrorAnswer } from "./connect-error-answer.ts";
import { allowsGet, answerConnectGet } from "./connect-get.ts";
import { answerConnectUnary, unaryCodec } from "./connect-unary.ts";
import type { Answer, Exchange, NodeRequest, NodeResponse } from "./exchange.ts";
import { createGateway, type Gateway } from "./gateway/gateway.ts";
import { grpcContentType, grpcErrorAnswer } from "./grpc-error-answer.ts";
import { readGrpcUnary } from "./grpc-unary.ts";
import { contextValuesOf, type OpenExchangeOptions, openExchange } from "./open-exchange.ts";
import type { RpcHandler } from "./rpc-handler.ts";
import { isUnary, looksLikeRpc, rpcMethodsByPath } from "./rpc-methods.ts";
import { writeAnswer } from "./write-answer.ts";

export type NodeHandler = (request: NodeRequest, response: NodeResponse) => void;

export interface DispatchOptions extends OpenExchangeOptions {
  /** Whose RPCs the handler below serves. */
  services: readonly DescService[];
  surfaces: readonly RestSurface[];
  invoke: Invoke;
  /** gRPC, gRPC-Web and streams. */
  rpcHandler: RpcHandler;
  isReady: () => Promise<boolean>;
  /** For google.protobuf.Any. */
  registry?: Registry;
  /** Told of requests that are refused before they become a call, of which `invoke` and the handler know nothing. */
  onRefused?: (refusal: Refusal) => void;
  /** Told of what is no CofferError; the client sees INTERNAL. */
  onUnexpectedError?: (error: unknown) => void;
}

/** A refused request, without what it said. */
export interface Refusal {
  requestId: string;
  address: string | undefined;
  httpMethod: string;
  reason: Reason;
}

interface Dispatch extends DispatchOptions {
  methods: ReadonlyMap<string, DescMethod>;
  gateway: Gateway;
  bodyLimits: BodyLimits;
}

/** Throws when the surfaces' routes are broken or collide. */
export function createDispatch(options: DispatchOptions, bodyLimits: BodyLimits): NodeHandler {
  const { surfaces, invoke, registry } = options;
  const gateway = createGateway({ surfaces, invoke, bodyLimits, ...(registry === undefined ? {} : { registry }) });
  const dispatch: Dispatch = { ...options, methods: rpcMethodsByPath(options.services), gateway, bodyLimits };
  return (request, response) => {
    // Both emit errors when the client goes away, which the exchange's signal says already.
    request.on("error", ignore);
    response.on("error", ignore);
    answerRequest(dispatch, request, response)
      .catch((thrown: unknown) => renderError(dispatch, request, thrown))
      .then((answer) => answer && writeAnswer(request, response, answer))
      .catch((thrown: unknown) => {
        options.onUnexpectedError?.(thrown);
        response.destroy();
      });
  };
}

function ignore(): void {}

async function answerRequest(
  dispatch: Dispatch,
  request: NodeRequest,
  response: NodeResponse,
): Promise<Answer | undefined> {
  const exchange = openExchange(request, response, dispatch);
  if (exchange.path === "/healthz") return plainAnswer(200, "ok\n");
  if (exchange.path === "/readyz") return answerReadiness(dispatch);
  const grpc = grpcContentType(request.headers["content-type"]);
  const method = dispatch.methods.get(exchange.path);
  if (method === undefined) {
    if (grpc === undefined && !looksLikeRpc(exchange.path)) return dispatch.gateway.answer(exchange);
    throw new CofferError("METHOD_UNIMPLEMENTED", "there is no such method");
  }
  if (isUnary(method)) {
    if (grpc === undefined) return answerConnect(dispatch, method, exchange);
    // The handler's JSON errors quote what was sent, and what is sent here are secrets.
    if (grpc.isJson) throw new CofferError("UNSUPPORTED_MEDIA_TYPE", "gRPC with JSON messages is not served");
    const body = await readGrpcUnary(method, exchange, dispatch.bodyLimits);
    response.setHeader("cache-control", "no-store");
    dispatch.rpcHandler(request, response, body);
    return undefined;
  }
  response.setHeader("cache-control", "no-store");
  dispatch.rpcHandler(request, response);
  return undefined;
}

function answerConnect(dispatch: Dispatch, method: DescMethodUnary, exchange: Exchange): Promise<Answer> {
  if (exchange.method === "GET" && allowsGet(method)) return answerConnectGet(dispatch, method, exchange);
  if (exchange.method !== "POST") {
    const allow = allowsGet(method) ? "GET, POST" : "POST";
    throw new CofferError("METHOD_NOT_ALLOWED", `the method is served for ${allow}`, { allow });
  }
  const codec = unaryCodec(exchange.headers.get("content-type"));
  if (codec !== undefined) return answerConnectUnary(dispatch, method, codec, exchange);
  throw new CofferError("UNSUPPORTED_MEDIA_TYPE", "the content-type must be application/json or application/proto");
}

async function answerReadiness(dispatch: Dispatch): Promise<Answer> {
  const isReady = await dispatch.isReady().catch(() => false);
  return isReady ? plainAnswer(200, "ready\n") : plainAnswer(503, "not ready\n");
}

function plainAnswer(status: number, body: string): Answer {
  return { status, headers: { "content-type": "text/plain; charset=utf-8" }, body };
}

/** What has become a call has its log line already. */
function reportRefusal({ onRefused }: Dispatch, request: NodeRequest, { reason }: CofferError): void {
  const values = contextValuesOf(request);
  if (values.get(isCallKey)) return;
  const httpMethod = request.method ?? "";
  onRefused?.({ requestId: values.get(requestIdKey), address: values.get(peerKey)?.address, httpMethod, reason });
}

function renderError(dispatch: Dispatch, request: NodeRequest, thrown: unknown): Answer {
  const error = toCofferError(thrown);
  if (error.reason === "INTERNAL" && error !== thrown) dispatch.onUnexpectedError?.(thrown);
  reportRefusal(dispatch, request, error);
  const contentType = request.headers["content-type"];
  const path = (request.url ?? "").split("?", 1)[0] ?? "";
  if (contentType !== undefined && grpcContentType(contentType)) return grpcErrorAnswer(error, contentType);
  if (dispatch.methods.has(path) || looksLikeRpc(path)) return connectErrorAnswer(error, dispatch.registry);
  return dispatch.gateway.renderError(path, error);
}
