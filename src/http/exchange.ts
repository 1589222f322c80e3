// One HTTP request with its response, whichever version of HTTP it came in.
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import type { ContextValues } from "@connectrpc/connect";

export type NodeRequest = IncomingMessage | Http2ServerRequest;
export type NodeResponse = ServerResponse | Http2ServerResponse;

/** A request whose header block has passed its checks. */
export interface Exchange {
  request: NodeRequest;
  method: string;
  /** The absolute URL. */
  url: string;
  /** As sent, still percent-encoded, without the query. */
  path: string;
  /** As sent, without the question mark. */
  query: string;
  headers: Headers;
  contextValues: ContextValues;
  /** When the header block had arrived, on the monotonic clock. */
  receivedMs: number;
  /** Aborted when the client goes away. Made when it is asked for first: most calls never do. */
  readonly signal: AbortSignal;
}

/** What is written back. */
export interface Answer {
  status: number;
  headers: Record<string, string>;
  body?: Uint8Array | string;
  /** Behind the body. */
  trailers?: Record<string, string>;
}

/** Whether the client announced a body; an HTTP/2 request without one ends with its headers. */
export function hasBody(request: NodeRequest): boolean {
  const length = request.headers["content-length"];
  if (length !== undefined) return length !== "0";
  if ("stream" in request) return !request.stream.endAfterHeaders;
  return request.headers["transfer-encoding"] !== undefined;
}

/** Returns whether the client has reset the stream or the connection has ended, so that nothing can be written. */
export function isGone(response: NodeResponse): boolean {
  if (!("stream" in response)) return response.destroyed;
  // A stream that the client has reset is closed before it is destroyed.
  return response.stream.closed || response.stream.destroyed;
}
