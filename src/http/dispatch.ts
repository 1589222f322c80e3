// Decides who answers a request: health, the direct paths of unary RPCs, the handler of streams, or the REST gateway.
import type { DescMethod, DescMethodUnary, DescService, Registry } from "@bufbuild/protobuf";
import { type ContextValues, createContextValues } from "@connectrpc/connect";
import type { Reason } from "../domain/error/error-reasons.ts";
import { CofferError } from "../domain/error/errors.ts";
import type { Admit } from "../rpc/authenticate.ts";
import { isCallKey, peerKey, requestIdKey } from "../rpc/context.ts";
import { toCofferError } from "../rpc/errors.ts";
import type { Invoke } from "../rpc/invoke.ts";
import { createPublicStreams, type PublicStreams } from "../rpc/public-streams.ts";
import type { RestSurface } from "../surfaces/rest-surface.ts";
import { type BodyLimits, publicBodyBytesMax, sendContinue } from "./body.ts";
import { connectErrorAnswer } from "./direct/connect-error-answer.ts";
import { allowsGet, answerConnectGet } from "./direct/connect-get.ts";
import { answerConnectUnary, type ConnectUnaryOptions, unaryCodec } from "./direct/connect-unary.ts";
import { type GrpcContentType, readGrpcContentType } from "./direct/grpc-content-type.ts";
import { grpcErrorAnswer } from "./direct/grpc-error-answer.ts";
import { answerGrpcUnary, type GrpcUnaryOptions, readTimeoutMs } from "./direct/grpc-unary.ts";
import { everyAnswersHeaders, isEncrypted, tlsHeaders } from "./every-answer.ts";
import { type Answer, type Exchange, isGone, type NodeRequest, type NodeResponse } from "./exchange.ts";
import { createGateway, type Gateway } from "./gateway/gateway.ts";
import { type OpenExchangeOptions, openExchange, requestIdHeader } from "./open-exchange.ts";
import type { RpcHandler } from "./rpc-handler.ts";
import { isUnary, looksLikeRpc, rpcMethodsByPath } from "./rpc-methods.ts";
import type { UnreadAnswers } from "./unread-answers.ts";
import { withoutBody, writeAnswer } from "./write-answer.ts";

export type NodeHandler = (request: NodeRequest, response: NodeResponse) => void;

export interface DispatchOptions extends OpenExchangeOptions {
  /** Whose RPCs the handler below serves. */
  services: readonly DescService[];
  surfaces: readonly RestSurface[];
  invoke: Invoke;
  /** Authenticates a request from its headers, before its body is read. */
  admit: Admit;
  /** Services that need no credential and accept only small bodies. */
  isPublic: (serviceName: string) => boolean;
  /** Streams. */
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
  publicStreams: PublicStreams;
  bodyLimits: BodyLimits;
  /** Handles unary calls of public services. */
  forPublic: ConnectUnaryOptions & GrpcUnaryOptions;
}

export interface AnswerRules {
  /** Returns a promise that an answer must wait for before it is sent; undefined: none. */
  before(response: NodeResponse): Promise<void> | undefined;
  unread: UnreadAnswers;
}

export interface Dispatcher {
  handle: NodeHandler;
  /** Answers all open requests with SHUTTING_DOWN. */
  cutOff(): void;
}

/** Throws when the surfaces' routes are broken or collide. */
export function createDispatch(options: DispatchOptions, bodyLimits: BodyLimits, answers: AnswerRules): Dispatcher {
  const { surfaces, invoke, admit, registry } = options;
  const gateway = createGateway({
    surfaces,
    invoke,
    admit,
    bodyLimits,
    ...(registry === undefined ? {} : { registry }),
  });
  const publicBodyLimits = { ...bodyLimits, sizeBytesMax: Math.min(bodyLimits.sizeBytesMax, publicBodyBytesMax) };
  const dispatch: Dispatch = {
    ...options,
    methods: rpcMethodsByPath(options.services),
    gateway,
    publicStreams: createPublicStreams(),
    bodyLimits,
    forPublic: { ...options, bodyLimits: publicBodyLimits },
  };
  const open = new Map<NodeResponse, { request: NodeRequest; contextValues: ContextValues }>();
  const send = (request: NodeRequest, response: NodeResponse, contextValues: ContextValues, answer: Answer) => {
    const isHead = request.method === "HEAD";
    writeAnswer(request, response, contextValues.get(requestIdKey), isHead ? withoutBody(answer) : answer);
    if (answer.body !== undefined && !isHead) answers.unread.track(request, response, answer.body.length);
  };
  const handle: NodeHandler = (request, response) => {
    const contextValues = createContextValues();
    open.set(response, { request, contextValues });
    response.once("close", () => open.delete(response));
    // Both emit errors when the client goes away, which the exchange's signal says already.
    request.on("error", ignore);
    response.on("error", ignore);
    answerRequest(dispatch, request, response, contextValues)
      .catch((thrown: unknown) => renderError(dispatch, request, contextValues, thrown))
      .then((answer) => {
        if (!answer) return undefined;
        const write = () => send(request, response, contextValues, answer);
        return answers.before(response)?.then(write) ?? write();
      })
      .catch((thrown: unknown) => {
        options.onUnexpectedError?.(thrown);
        response.destroy();
      });
  };
  return {
    handle,
    cutOff() {
      for (const [response, { request, contextValues }] of open) {
        const answer = renderError(dispatch, request, contextValues, shuttingDown());
        send(request, response, contextValues, answer);
      }
    },
  };
}

function shuttingDown(): CofferError {
  const message = "this instance is stopping and did not finish the call; retry with the same idempotency key";
  return new CofferError("SHUTTING_DOWN", message);
}

function ignore(): void {}

async function answerRequest(
  dispatch: Dispatch,
  request: NodeRequest,
  response: NodeResponse,
  contextValues: ContextValues,
): Promise<Answer | undefined> {
  const exchange = openExchange(request, response, contextValues, dispatch);
  if (exchange.path === "/healthz") return plainAnswer(200, "ok\n");
  if (exchange.path === "/readyz") return answerReadiness(dispatch);
  const grpc = readGrpcContentType(request.headers["content-type"]);
  const method = dispatch.methods.get(exchange.path);
  if (method === undefined) {
    if (grpc === undefined && !looksLikeRpc(exchange.path)) return dispatch.gateway.answer(exchange);
    throw new CofferError("METHOD_UNIMPLEMENTED", "there is no such method");
  }
  if (grpc?.isProto === false) {
    throw new CofferError(
      "UNSUPPORTED_MEDIA_TYPE",
      "gRPC is served with Protobuf messages: the content-type must end in +proto",
    );
  }
  if (!isUnary(method)) {
    if (grpc) refuseLate(exchange);
    // connect-node makes a URL of it. HTTP/1.0 and HTTP/2 do not require one.
    if (!authorityOf(request)) throw new CofferError("REQUEST_MALFORMED", "the request names no host");
    const close = dispatch.publicStreams.open(contextValues.get(peerKey)?.address ?? "");
    if (isGone(response)) close();
    else response.once("close", close);
    response.setHeader(requestIdHeader, contextValues.get(requestIdKey));
    const headers = isEncrypted(request) ? tlsHeaders : everyAnswersHeaders;
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    sendContinue(request);
    dispatch.rpcHandler(request, response, contextValues);
    return undefined;
  }
  await dispatch.admit(method.parent.typeName, exchange);
  const options = dispatch.isPublic(method.parent.typeName) ? dispatch.forPublic : dispatch;
  return grpc === undefined ? answerConnect(options, method, exchange) : answerGrpc(options, method, grpc, exchange);
}

/** A stream whose deadline has passed must not begin: connect-node would send its first messages. */
function refuseLate({ headers, receivedMs }: Exchange): void {
  const timeoutMs = readTimeoutMs(headers);
  if (timeoutMs === undefined || performance.now() - receivedMs < timeoutMs) return;
  throw new CofferError("DEADLINE_EXCEEDED", "the call's deadline has passed");
}

function authorityOf(request: NodeRequest): string | undefined {
  return "authority" in request ? request.authority : request.headers.host;
}

function answerConnect(options: ConnectUnaryOptions, method: DescMethodUnary, exchange: Exchange): Promise<Answer> {
  if ((exchange.method === "GET" || exchange.method === "HEAD") && allowsGet(method))
    return answerConnectGet(options, method, exchange);
  if (exchange.method !== "POST") {
    const allow = allowsGet(method) ? "GET, HEAD, POST" : "POST";
    throw new CofferError("METHOD_NOT_ALLOWED", `the method is served for ${allow}`, { allow });
  }
  const codec = unaryCodec(exchange.headers.get("content-type"));
  if (codec !== undefined) return answerConnectUnary(options, method, codec, exchange);
  throw new CofferError("UNSUPPORTED_MEDIA_TYPE", "the content-type must be application/json or application/proto");
}

function answerGrpc(
  options: GrpcUnaryOptions,
  method: DescMethodUnary,
  grpc: GrpcContentType,
  exchange: Exchange,
): Promise<Answer> {
  if (exchange.method !== "POST") {
    throw new CofferError("METHOD_NOT_ALLOWED", "gRPC is served for POST", { allow: "POST" });
  }
  return answerGrpcUnary(options, method, grpc, exchange);
}

async function answerReadiness(dispatch: Dispatch): Promise<Answer> {
  const isReady = await dispatch.isReady().catch(() => false);
  return isReady ? plainAnswer(200, "ready\n") : plainAnswer(503, "not ready\n");
}

function plainAnswer(status: number, body: string): Answer {
  return { status, headers: { "content-type": "text/plain; charset=utf-8" }, body };
}

/** What has become a call has its log line already. */
function reportRefusal(
  { onRefused }: Dispatch,
  request: NodeRequest,
  values: ContextValues,
  { reason }: CofferError,
): void {
  if (values.get(isCallKey)) return;
  const httpMethod = request.method ?? "";
  onRefused?.({ requestId: values.get(requestIdKey), address: values.get(peerKey)?.address, httpMethod, reason });
}

function renderError(dispatch: Dispatch, request: NodeRequest, values: ContextValues, thrown: unknown): Answer {
  const error = toCofferError(thrown);
  if (error.reason === "INTERNAL" && error !== thrown) dispatch.onUnexpectedError?.(thrown);
  reportRefusal(dispatch, request, values, error);
  const contentType = request.headers["content-type"];
  const path = (request.url ?? "").split("?", 1)[0] ?? "";
  const grpc = readGrpcContentType(contentType);
  if (grpc) return grpcErrorAnswer(error, grpc);
  if (dispatch.methods.has(path) || looksLikeRpc(path)) return connectErrorAnswer(error, dispatch.registry);
  return dispatch.gateway.renderError(path, error);
}
