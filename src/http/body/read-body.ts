// Reads a request's body within its limits of size and time, and inflates it within the same size.

import type { ServerHttp2Stream } from "node:http2";
import type { Readable } from "node:stream";
import { hasBody, isGone, type NodeRequest, type NodeResponse } from "../../call/http-call.ts";
import { CofferError } from "../../domain/error/errors.ts";
import { checkEncoding, inflate, tooLarge } from "./inflate.ts";

export interface BodyLimits {
  /** Limits the body as sent, and the inflated body. */
  sizeBytesMax: number;
  /** Limits the time of the whole body, so that a slow sender cannot hold the connection. */
  timeoutMs: number;
}

/** The limit for services that need no credential. */
export const publicBodyBytesMax = 16 * 1024;

export const defaultBodyLimits: BodyLimits = { sizeBytesMax: 1024 * 1024, timeoutMs: 30_000 };

/** Returns the whole body; empty if there is none. Stops reading and throws when a limit is exceeded. */
export async function readBody(request: NodeRequest, limits: BodyLimits): Promise<Uint8Array> {
  const encoding = request.headers["content-encoding"]?.toLowerCase() ?? "identity";
  checkEncoding(encoding, acceptHeader);
  if (isDeclaredTooLarge(request, limits.sizeBytesMax)) throw tooLarge(limits.sizeBytesMax);
  if (!hasBody(request)) return new Uint8Array();
  sendContinue(request);
  const bytes = await readBytes(request, limits);
  if (encoding === "identity") return bytes;
  return inflate(bytes, encoding, { sizeBytesMax: limits.sizeBytesMax, acceptHeader });
}

const acceptHeader = "accept-encoding";

const askingFirst = new WeakMap<NodeRequest, NodeResponse>();

/** Marks a request with `Expect: 100-continue`. The server tells the client to continue only when it reads the body. */
export function holdContinue(request: NodeRequest, response: NodeResponse): void {
  askingFirst.set(request, response);
}

export function sendContinue(request: NodeRequest): void {
  const response = request.headers.expect === undefined ? undefined : askingFirst.get(request);
  // A client may open and reset its stream in one packet. Then nothing can be written to it.
  if (response && !isGone(response)) response.writeContinue();
}

/** Returns whether Content-Length exceeds the limit. */
function isDeclaredTooLarge(request: NodeRequest, sizeBytesMax: number): boolean {
  return Number(request.headers["content-length"] ?? 0) > sizeBytesMax;
}

async function readBytes(request: NodeRequest, limits: BodyLimits): Promise<Uint8Array> {
  // Reading the stream itself saves a second queue. The request is not complete then, but its stream is: see isComplete.
  if ("stream" in request) {
    const { stream } = request;
    if (isCut(stream)) throw canceled();
    // A stream without data ends by itself, and does not say so again.
    return stream.readableEnded ? new Uint8Array() : readChunks(stream, request, limits);
  }
  // A short body usually arrives together with its headers. It is complete when the parser has finished this tick.
  await Promise.resolve();
  const length = Number(request.headers["content-length"]);
  if (request.readableLength !== length) return readChunks(request, request, limits);
  const bytes = request.read() as Buffer;
  // Let Node emit "end".
  request.resume();
  return bytes;
}

/** Whether the stream ended without its END_STREAM, or the client has gone after it. Node then lets it end as if it were whole. */
function isCut({ aborted, closed, destroyed }: ServerHttp2Stream): boolean {
  return aborted || closed || destroyed;
}

function canceled(): CofferError {
  return new CofferError("CANCELED", "the client has disconnected");
}

/** Reads `source`, which is the request or its stream. */
function readChunks(source: Readable, request: NodeRequest, limits: BodyLimits): Promise<Uint8Array> {
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  const onData = (chunk: Buffer) => {
    sizeBytes += chunk.byteLength;
    if (sizeBytes > limits.sizeBytesMax) stop(tooLarge(limits.sizeBytesMax));
    else chunks.push(chunk);
  };
  const onEnd = () => {
    if ("stream" in request && isCut(request.stream)) return stop(canceled());
    stopListening();
    const [only] = chunks;
    resolve(only !== undefined && chunks.length === 1 ? only : Buffer.concat(chunks));
  };
  const onGone = () => {
    // "close" is emitted for complete requests too. A request over HTTP/2 says that it is complete when its stream is only closed.
    const isWhole = "stream" in request ? source.readableEnded && !isCut(request.stream) : request.complete;
    if (!isWhole) stop(canceled());
  };
  const onTimeout = () => stop(new CofferError("REQUEST_TIMEOUT", "the body did not arrive in time"));
  const stop = (error: CofferError) => {
    stopListening();
    source.pause();
    reject(error);
  };
  const timer = setTimeout(onTimeout, limits.timeoutMs);
  // Node emits no more events for a request that was answered before its body ended. The timer must not keep the process alive.
  timer.unref();
  const listeners = [
    ["data", onData],
    ["end", onEnd],
    ["close", onGone],
    ["error", onGone],
  ] as const;
  const stopListening = () => {
    clearTimeout(timer);
    for (const [event, listener] of listeners) source.off(event, listener);
  };
  for (const [event, listener] of listeners) source.on(event, listener);
  return promise;
}
