// One unary call on its way through the steps: the request, its context for the implementation, and the headers of its answer.
import type { DescMessage, DescMethodUnary, MessageShape } from "@bufbuild/protobuf";
import type { ContextValues, HandlerContext } from "@connectrpc/connect";
import { callerKey } from "../call/caller.ts";
import { createHeaderMap } from "../call/header-map.ts";
import type { CallRequest, CallSource } from "../call/invoke.ts";
import type { JsonShape } from "../call/json/shape.ts";
import type { CallProgress } from "../domain/call-progress.ts";
import type { Caller } from "../domain/workspace/caller.ts";

/** A class with lazy members, because most calls need few of them. */
export class UnaryCall implements HandlerContext, CallProgress {
  readonly method: DescMethodUnary;
  readonly message: MessageShape<DescMessage>;
  readonly source: CallSource;
  /** Undefined for messages that came in binary. */
  readonly shape: JsonShape | undefined;
  readonly protocolName: CallRequest["protocolName"];
  readonly startMs = performance.now();
  readonly deadlineMs: number | undefined;
  isOutcomeOpen = false;
  /** The workspace that the request names, if the credential does not reach it. */
  unreachedWorkspaceId: string | undefined;
  #responseHeader: Headers | undefined;
  #responseTrailer: Headers | undefined;

  constructor(method: DescMethodUnary, message: MessageShape<DescMessage>, request: CallRequest) {
    const { source, shape, timeoutMs, protocolName } = request;
    this.method = method;
    this.message = message;
    this.source = source;
    this.shape = shape;
    this.protocolName = protocolName;
    this.deadlineMs = timeoutMs === undefined ? undefined : source.receivedMs + timeoutMs;
  }

  get service() {
    return this.method.parent;
  }

  get requestMethod(): string {
    return this.source.method;
  }

  get url(): string {
    return this.source.url;
  }

  get requestHeader(): Headers {
    return this.source.headers;
  }

  get responseHeader(): Headers {
    this.#responseHeader ??= createHeaderMap();
    return this.#responseHeader;
  }

  /** Undefined if the implementation has set none. */
  get givenTrailer(): Headers | undefined {
    return this.#responseTrailer;
  }

  get responseTrailer(): Headers {
    this.#responseTrailer ??= createHeaderMap();
    return this.#responseTrailer;
  }

  get values(): ContextValues {
    return this.source.contextValues;
  }

  get signal(): AbortSignal {
    return this.source.signal;
  }

  /** Undefined before authentication, and for methods that need no credential. */
  get caller(): Caller | undefined {
    return this.values.get(callerKey);
  }

  set caller(caller: Caller) {
    this.values.set(callerKey, caller);
  }

  /** Returns the time until the deadline in milliseconds; undefined if there is none. */
  timeoutMs(): number | undefined {
    return this.deadlineMs === undefined ? undefined : this.deadlineMs - performance.now();
  }
}
