// Runs one unary call through the ordered interceptors: the way in that REST and plain Connect requests share.
import type { DescMethodUnary, MessageShape } from "@bufbuild/protobuf";
import { create, type DescMessage } from "@bufbuild/protobuf";
import {
  type ContextValues,
  createHandlerContext,
  type Interceptor,
  type ServiceImplSpec,
  type UnaryRequest,
  type UnaryResponse,
} from "@connectrpc/connect";
import { CofferError } from "../domain/errors.ts";

/** What a transport knows of a call. */
export interface CallRequest {
  protocolName: "connect" | "rest";
  /** The HTTP method. */
  requestMethod: string;
  url: string;
  header: Headers;
  contextValues: ContextValues;
  /** Aborted when the client goes away. */
  signal: AbortSignal;
  /** The caller's deadline, in milliseconds from now. */
  timeoutMs?: number;
}

export interface CallResult {
  message: MessageShape<DescMessage>;
  header: Headers;
  trailer: Headers;
}

/** Calls a method's implementation through all interceptors. Throws what they throw: CofferError, or something unforeseen. */
export type Invoke = (
  method: DescMethodUnary,
  message: MessageShape<DescMessage>,
  request: CallRequest,
) => Promise<CallResult>;

type AnyFn = ReturnType<Interceptor>;

/** The calls of `services`, each wrapped once in `interceptors`, the first of which is the outermost. */
export function createInvoke(
  services: readonly ServiceImplSpec[],
  interceptors: readonly Interceptor[],
  shutdownSignal: AbortSignal,
): Invoke {
  const implementations = new Map(
    services.flatMap((service) => Object.values(service.methods)).map((spec) => [spec.method, spec]),
  );
  return async (method, message, request) => {
    const spec = implementations.get(method);
    if (spec?.kind !== "unary") throw new CofferError("METHOD_UNIMPLEMENTED", "there is no such method");
    const context = createHandlerContext({
      service: method.parent,
      method,
      protocolName: request.protocolName,
      requestMethod: request.requestMethod,
      url: request.url,
      requestHeader: request.header,
      contextValues: request.contextValues,
      requestSignal: request.signal,
      shutdownSignal,
      ...(request.timeoutMs === undefined ? {} : { timeoutMs: request.timeoutMs }),
    });
    const innermost: AnyFn = async (req) => ({
      stream: false,
      service: req.service,
      method,
      header: context.responseHeader,
      trailer: context.responseTrailer,
      message: create(method.output, await spec.impl((req as UnaryRequest).message, context)),
    });
    try {
      const call = interceptors.reduceRight((next, interceptor) => interceptor(next), innermost);
      const response = (await call({
        stream: false,
        service: method.parent,
        method,
        requestMethod: request.requestMethod,
        url: request.url,
        signal: context.signal,
        header: context.requestHeader,
        contextValues: context.values,
        message,
      })) as UnaryResponse;
      return { message: response.message, header: response.header, trailer: response.trailer };
    } finally {
      context.abort();
    }
  };
}
