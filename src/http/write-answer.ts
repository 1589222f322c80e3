// Writes an Answer to a node response, and decides what becomes of a request body that nobody read.
import { constants } from "node:http2";
import { type Answer, hasBody, type NodeRequest, type NodeResponse } from "./exchange.ts";

export function writeAnswer(request: NodeRequest, response: NodeResponse, answer: Answer): void {
  if (isGone(response)) return;
  response.statusCode = answer.status;
  for (const [name, value] of Object.entries(answer.headers)) response.setHeader(name, value);
  response.setHeader("cache-control", "no-store");
  if (hasBody(request) && !request.complete) leaveUnread(request, response, answer);
  if (answer.body === undefined) {
    response.end();
    return;
  }
  response.setHeader("content-length", Buffer.byteLength(answer.body));
  response.end(answer.body);
}

function isGone(response: NodeResponse): boolean {
  return response.headersSent || ("stream" in response ? response.stream.destroyed : response.destroyed);
}

const timedOut = 408;

/** A body that was not read may never end: HTTP/1.1 gives up the connection, HTTP/2 the stream. */
function leaveUnread(request: NodeRequest, response: NodeResponse, answer: Answer): void {
  if ("stream" in response) {
    const { stream } = response;
    // A reset in the same turn would overtake an answer that is headers only.
    stream.once("finish", () => setImmediate(() => stream.close(constants.NGHTTP2_NO_ERROR)));
  } else if (answer.status === timedOut || !isShort(request)) {
    response.setHeader("connection", "close");
  }
}

/** Short enough that Node may skip it and keep the connection. */
function isShort(request: NodeRequest): boolean {
  return Number(request.headers["content-length"] ?? Number.POSITIVE_INFINITY) <= 64 * 1024;
}
