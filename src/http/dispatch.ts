// Finds the surface of each request, sends its answer or its error, and answers the two health paths.
import type { ContextValues } from "@connectrpc/connect";
import { createCallValues } from "../call/call-values.ts";
import { isCallKey, peerKey, requestIdKey } from "../call/context.ts";
import { httpStatusOf, toCofferError } from "../call/errors.ts";
import type { Answer, NodeRequest, NodeResponse, RequestHead, StreamedAnswer } from "../call/http-call.ts";
import type { Invoke } from "../call/invoke.ts";
import { readRequestPath } from "../call/request-path.ts";
import type { CallServer, Surface } from "../call/surface.ts";
import type { Reason } from "../domain/error/error-reasons.ts";
import { CofferError } from "../domain/error/errors.ts";
import { type BodyLimits, readBody, sendContinue } from "./body/read-body.ts";
import { connectErrorAnswer } from "./direct/error-answers.ts";
import { headerRulesOf } from "./headers.ts";
import { type OpenCallOptions, openCall, refusedHead } from "./open-call.ts";
import { createRpcSurface, type RpcOptions } from "./rpc-surface.ts";
import type { UnreadAnswers } from "./unread-answers.ts";
import { setCommonHeaders, withoutBody, writeAnswer } from "./write-answer.ts";

export type NodeHandler = (request: NodeRequest, response: NodeResponse) => void;

export interface DispatchOptions extends Omit<OpenCallOptions, "headerRules"> {
  rpc: RpcOptions;
  /** The other surfaces. The first one that owns a request answers it. */
  surfaces: readonly Surface[];
  invoke: Invoke;
  /** Authenticates a request from its headers, before its body is read. */
  admit: CallServer["admit"];
  isReady: () => Promise<boolean>;
  /** Called for requests that are refused before they become a call: `invoke` and the streams do not see them. */
  onRefused?: (refusal: Refusal) => void;
  /** Called with every error that is not a CofferError. The client sees INTERNAL. */
  onUnexpectedError?: (error: unknown) => void;
}

/** A refused request, without its contents. */
export interface Refusal {
  requestId: string;
  address: string | undefined;
  httpMethod: string;
  reason: Reason;
}

interface Dispatch extends DispatchOptions, OpenCallOptions {
  server: CallServer;
}

/** A request that is not answered yet. */
interface OpenRequest {
  request: NodeRequest;
  contextValues: ContextValues;
  /** Undefined until the header block has passed its checks. */
  head: RequestHead | undefined;
}

export interface AnswerRules {
  /** Returns a promise that an answer must wait for before it is sent; undefined: none. */
  before(response: NodeResponse): Promise<void> | undefined;
  unread: UnreadAnswers;
}

export interface Dispatcher {
  handle: NodeHandler;
  /** Must be called when the answer is closed. */
  forget(response: NodeResponse): void;
  /** Answers all open requests with SHUTTING_DOWN. */
  cutOff(): void;
}

export function createDispatch(options: DispatchOptions, bodyLimits: BodyLimits, answers: AnswerRules): Dispatcher {
  const { invoke, admit } = options;
  const surfaces = [createRpcSurface(options.rpc, { invoke, bodyLimits }), ...options.surfaces];
  const readLimited: CallServer["readBody"] = ({ request }, sizeBytesMax = Number.POSITIVE_INFINITY) =>
    readBody(request, { ...bodyLimits, sizeBytesMax: Math.min(sizeBytesMax, bodyLimits.sizeBytesMax) });
  const server: CallServer = { admit, invoke, readBody: readLimited };
  const dispatch: Dispatch = { ...options, surfaces, server, headerRules: headerRulesOf(surfaces) };
  const openRequests = new Map<NodeResponse, OpenRequest>();
  const send = ({ request, contextValues }: OpenRequest, response: NodeResponse, answer: Answer | StreamedAnswer) => {
    const requestId = contextValues.get(requestIdKey);
    if ("write" in answer) {
      setCommonHeaders(request, response, requestId);
      sendContinue(request);
      answer.write(request, response);
      return;
    }
    const isHead = request.method === "HEAD";
    writeAnswer(request, response, requestId, isHead ? withoutBody(answer) : answer);
    if (answer.body !== undefined && !isHead) answers.unread.track(request, response, answer.body.length);
  };
  const respond = async (open: OpenRequest, response: NodeResponse): Promise<void> => {
    try {
      let answer: Answer | StreamedAnswer;
      try {
        answer = await answerRequest(dispatch, open, response);
      } catch (thrown) {
        answer = renderError(dispatch, open, thrown);
      }
      const before = answers.before(response);
      if (before) await before;
      send(open, response, answer);
    } catch (thrown) {
      options.onUnexpectedError?.(thrown);
      response.destroy();
    }
  };
  const handle: NodeHandler = (request, response) => {
    const open: OpenRequest = { request, contextValues: createCallValues(), head: undefined };
    openRequests.set(response, open);
    // Both emit errors when the client disconnects, which the call's signal reports already.
    request.on("error", ignore);
    response.on("error", ignore);
    void respond(open, response);
  };
  return {
    handle,
    forget: (response) => void openRequests.delete(response),
    cutOff() {
      for (const [response, open] of openRequests) send(open, response, renderError(dispatch, open, shuttingDown()));
    },
  };
}

function ignore(): void {}

function shuttingDown(): CofferError {
  const message = "this instance is stopping and did not finish the call; retry with the same idempotency key";
  return new CofferError("SHUTTING_DOWN", message);
}

/** Throws CofferError or an unexpected error, at once or later. */
function answerRequest(
  dispatch: Dispatch,
  open: OpenRequest,
  response: NodeResponse,
): Answer | Promise<Answer | StreamedAnswer> {
  const call = openCall(open.request, response, open.contextValues, dispatch);
  open.head = call;
  if (call.path === "/healthz") return plainAnswer(200, "ok\n");
  if (call.path === "/readyz") return answerReadiness(dispatch);
  const surface = ownerOf(dispatch, call);
  if (surface) return surface.answer(call, dispatch.server);
  // Fails if the path is malformed.
  readRequestPath(call.path);
  throw new CofferError("ROUTE_NOT_FOUND", "the path is not found");
}

function ownerOf({ surfaces }: Dispatch, head: RequestHead): Surface | undefined {
  for (const surface of surfaces) if (surface.owns(head)) return surface;
  return undefined;
}

async function answerReadiness(dispatch: Dispatch): Promise<Answer> {
  const isReady = await dispatch.isReady().catch(() => false);
  return isReady ? plainAnswer(200, "ready\n") : plainAnswer(503, "not ready\n");
}

function plainAnswer(status: number, body: string): Answer {
  return { status, headers: { "content-type": "text/plain; charset=utf-8" }, body };
}

function renderError(dispatch: Dispatch, { request, contextValues, head }: OpenRequest, thrown: unknown): Answer {
  const error = toCofferError(thrown);
  if (error.reason === "INTERNAL" && error !== thrown) dispatch.onUnexpectedError?.(thrown);
  reportRefusal(dispatch, request, contextValues, error);
  const shown = head ?? refusedHead(request);
  return ownerOf(dispatch, shown)?.renderError(error, shown) ?? connectErrorAnswer(error, httpStatusOf(error));
}

/** A request that has become a call has its log line already. */
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
