// The way from a surface to an operation: one unary call through every step of rpc/.
import type { DescMessage, DescMethod, DescMethodUnary, MessageShape } from "@bufbuild/protobuf";
import type { ContextValues } from "@connectrpc/connect";
import type { JsonShape } from "./json/shape.ts";

/** The request that brought a call. */
export interface CallSource {
  /** The HTTP method. */
  method: string;
  url: string;
  headers: Headers;
  contextValues: ContextValues;
  /** Aborted when the client disconnects. Created at its first use. */
  readonly signal: AbortSignal;
  /** When the request's headers arrived, on the monotonic clock. */
  readonly receivedMs: number;
}

export interface CallRequest {
  protocolName: "connect" | "grpc" | "grpc-web" | "rest";
  source: CallSource;
  /** The caller's deadline, in milliseconds after its headers arrived. */
  timeoutMs: number | undefined;
  /** Given for a message that came as JSON. */
  shape?: JsonShape | undefined;
}

export interface CallResult {
  message: MessageShape<DescMessage>;
  header: Headers;
  /** Undefined if there are none. */
  trailer: Headers | undefined;
}

/** The longest deadline in milliseconds. setTimeout fires at once for more. */
export const timeoutMsMax = 2 ** 31 - 1;

/** Calls a served method through every step. Throws CofferError, or an unexpected error. */
export type Invoke = (
  method: DescMethodUnary,
  message: MessageShape<DescMessage>,
  request: CallRequest,
) => Promise<CallResult>;

export function isUnary(method: DescMethod): method is DescMethod & DescMethodUnary {
  return method.methodKind === "unary";
}
