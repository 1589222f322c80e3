// One HTTP request and its answer, in HTTP/1.1 or HTTP/2.
import type { EventEmitter } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import type { CallSource } from "./invoke.ts";

export type NodeRequest = IncomingMessage | Http2ServerRequest;
export type NodeResponse = ServerResponse | Http2ServerResponse;

/** The parts of a request that routing, credentials and errors depend on. */
export interface RequestHead {
  method: string;
  /** As sent, still percent-encoded, without the query. */
  path: string;
  /** As sent, without the question mark. */
  query: string;
  headers: Headers;
}

/** A request whose header block has passed its checks. `url` is absolute. */
export interface HttpCall extends RequestHead, CallSource {
  request: NodeRequest;
}

declare const admitted: unique symbol;

/** A call whose credential was accepted. The body of another call cannot be read. */
export type AdmittedCall = HttpCall & { readonly [admitted]: true };

/** A complete answer. */
export interface Answer {
  status: number;
  headers: Record<string, string>;
  body?: Uint8Array | string;
  /** Sent after the body. */
  trailers?: Record<string, string>;
}

/** An answer that writes itself, message by message. */
export interface StreamedAnswer {
  write(request: NodeRequest, response: NodeResponse): void;
}

/** Returns whether the client announced a body. An HTTP/2 request without one ends with its headers. */
export function hasBody(request: NodeRequest): boolean {
  const length = request.headers["content-length"];
  if (length !== undefined) return length !== "0";
  if ("stream" in request) return !request.stream.endAfterHeaders;
  return request.headers["transfer-encoding"] !== undefined;
}

/** Returns whether the whole body was read. */
export function isComplete(request: NodeRequest): boolean {
  return request.complete || ("stream" in request && request.stream.readableEnded);
}

/** Returns the emitter of "close" of an answer. Over HTTP/2 it is the stream: Node's response does not emit it for HEAD. */
export function closingOf(response: NodeResponse): EventEmitter {
  return "stream" in response ? response.stream : response;
}

/** Returns whether the client has reset the stream or the connection has ended, so that nothing can be written. */
export function isGone(response: NodeResponse): boolean {
  if (!("stream" in response)) return response.destroyed;
  // A stream that the client has reset is closed before it is destroyed.
  return response.stream.closed || response.stream.destroyed;
}
