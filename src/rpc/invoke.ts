// Runs one unary call of any protocol through the interceptors in their order.
import { create, type DescMethod } from "@bufbuild/protobuf";
import {
  createContextKey,
  type HandlerContext,
  type Interceptor,
  type MethodImplSpec,
  type ServiceImplSpec,
  type UnaryRequest,
  type UnaryResponse,
} from "@connectrpc/connect";
import { progressKey } from "../call/context.ts";
import { createHeaderMap } from "../call/header-map.ts";
import type { CallSource, Invoke } from "../call/invoke.ts";
import { jsonShapeKey } from "../call/json/shape.ts";
import type { CallProgress } from "../domain/call-progress.ts";
import { CofferError, failOn } from "../domain/error/errors.ts";

type AnyFn = ReturnType<Interceptor>;

const contextKey = createContextKey<HandlerContext | undefined>(undefined, { description: "handler context" });

/** Returns the function that calls the methods of `services` through `interceptors`. The first interceptor is the outermost. */
export function createInvoke(services: readonly ServiceImplSpec[], interceptors: readonly Interceptor[]): Invoke {
  const implementations = implementationsOf(services);
  const call = interceptors.reduceRight((next, interceptor) => interceptor(next), innermost(implementations));
  return async (method, message, request) => {
    if (implementations.get(method)?.kind !== "unary") {
      throw new CofferError("METHOD_UNIMPLEMENTED", "the method is not found");
    }
    const { source, timeoutMs, shape } = request;
    const context: HandlerContext = {
      service: method.parent,
      method,
      protocolName: request.protocolName,
      requestMethod: source.method,
      url: source.url,
      requestHeader: source.headers,
      responseHeader: createHeaderMap(),
      responseTrailer: createHeaderMap(),
      values: source.contextValues,
      get signal() {
        return source.signal;
      },
      timeoutMs: deadlineClock(source.receivedMs, timeoutMs),
    };
    source.contextValues.set(contextKey, context);
    if (shape) source.contextValues.set(jsonShapeKey, shape);
    const progress = progressOf(source, timeoutMs);
    source.contextValues.set(progressKey, progress);
    const answer = call({
      stream: false,
      service: method.parent,
      method,
      requestMethod: source.method,
      url: source.url,
      get signal() {
        return source.signal;
      },
      header: source.headers,
      contextValues: source.contextValues,
      message,
    });
    const response = (await untilDeadline(answer, context.timeoutMs(), progress)) as UnaryResponse;
    return { message: response.message, header: response.header, trailer: response.trailer };
  };
}

/** Calls the implementations of `services` without interceptors. They must be made for dry runs. */
export function createDryCall(services: readonly ServiceImplSpec[]): (req: UnaryRequest) => Promise<unknown> {
  const implementations = implementationsOf(services);
  return async (req) => {
    const spec = implementations.get(req.method);
    const context = req.contextValues.get(contextKey);
    if (spec?.kind === "unary" && context) await spec.impl(req.message, context);
  };
}

function implementationsOf(services: readonly ServiceImplSpec[]): ReadonlyMap<DescMethod, MethodImplSpec> {
  return new Map(services.flatMap((service) => Object.values(service.methods)).map((spec) => [spec.method, spec]));
}

function deadlineClock(receivedMs: number, timeoutMs: number | undefined): HandlerContext["timeoutMs"] {
  if (timeoutMs === undefined) return noDeadline;
  const deadline = receivedMs + timeoutMs;
  return () => deadline - performance.now();
}

function noDeadline(): undefined {}

/** Calls the implementation itself. */
function innermost(implementations: ReadonlyMap<DescMethod, MethodImplSpec>): AnyFn {
  return async (req) => {
    const spec = implementations.get(req.method);
    const context = req.contextValues.get(contextKey);
    if (req.stream || spec?.kind !== "unary" || !context) throw new Error("not a unary call of this server");
    // The interceptors refuse such a call. Check again: an operation must never run with a part of a message.
    failOn(req.contextValues.get(jsonShapeKey)?.violations ?? []);
    // The caller already gets an error for this call.
    if ((context.timeoutMs() ?? 1) <= 0) throw deadlineExceeded();
    return {
      stream: false,
      service: req.service,
      method: req.method,
      header: context.responseHeader,
      trailer: context.responseTrailer,
      message: create(req.method.output, await spec.impl(req.message, context)),
    };
  };
}

function progressOf(source: CallSource, timeoutMs: number | undefined): CallProgress {
  return {
    deadlineMs: timeoutMs === undefined ? undefined : source.receivedMs + timeoutMs,
    isOutcomeOpen: false,
    get signal() {
      return source.signal;
    },
  };
}

/** Stops waiting at the caller's deadline. A change whose COMMIT was not sent by then is not made. */
async function untilDeadline<T>(answer: Promise<T>, timeoutMs: number | undefined, progress: CallProgress): Promise<T> {
  if (timeoutMs === undefined) return answer;
  const { promise: late, reject } = Promise.withResolvers<never>();
  const onDeadline = () => reject(progress.isOutcomeOpen ? outcomeUnknown() : deadlineExceeded());
  const timer = setTimeout(onDeadline, Math.max(0, timeoutMs));
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
    answer.catch(() => {});
  }
}

function deadlineExceeded(): CofferError {
  return new CofferError("DEADLINE_EXCEEDED", "the call's deadline has passed");
}

function outcomeUnknown(): CofferError {
  const message = "the call's deadline has passed while its change was committed; retry with the same idempotency key";
  return new CofferError("OUTCOME_UNKNOWN", message, {}, { retryDelayMs: 1_000 });
}
