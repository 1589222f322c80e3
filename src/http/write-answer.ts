// Writes an Answer to a node response, and decides what happens to a request body that was not read.
import { constants, type OutgoingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import { type Answer, hasBody, isComplete, isGone, type NodeRequest, type NodeResponse } from "../call/http-call.ts";
import { isEncrypted, requestIdHeader } from "./open-call.ts";

const everyAnswersHeaders: Readonly<Record<string, string>> = {
  "cache-control": "no-store",
  // Browsers must not run a value as a page or a script.
  "x-content-type-options": "nosniff",
};

/** With TLS: browsers must not use plain HTTP for a year. */
const tlsHeaders: Readonly<Record<string, string>> = {
  ...everyAnswersHeaders,
  "strict-transport-security": "max-age=31536000",
};

/** Sets the headers of every answer for an answer that writes itself. */
export function setCommonHeaders(request: NodeRequest, response: NodeResponse, requestId: string): void {
  response.setHeader(requestIdHeader, requestId);
  const headers = isEncrypted(request) ? tlsHeaders : everyAnswersHeaders;
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
}

export function writeAnswer(request: NodeRequest, response: NodeResponse, requestId: string, answer: Answer): void {
  if (response.headersSent || isGone(response)) return;
  const { status, body, trailers } = answer;
  const headers: Record<string, string | number> = answer.headers;
  headers[requestIdHeader] = requestId;
  Object.assign(headers, isEncrypted(request) ? tlsHeaders : everyAnswersHeaders);
  if (hasBody(request) && !isComplete(request)) leaveUnread(request, response, answer);
  // Omit content-length when there are trailers: HTTP/1.1 sends trailers only with chunked encoding.
  if (body !== undefined && trailers === undefined) headers["content-length"] = Buffer.byteLength(body);
  if (trailers !== undefined) response.addTrailers(trailers);
  if ("stream" in response) {
    writeToStream(response.stream, { ":status": status, ...headers }, body, trailers !== undefined);
    return;
  }
  response.writeHead(status, headers);
  if (body === undefined) response.end();
  else response.end(body);
}

/** Without Node's response, which keeps the headers once more and sends an empty body in a frame of its own. */
function writeToStream(
  stream: ServerHttp2Stream,
  headers: OutgoingHttpHeaders,
  body: Answer["body"],
  hasTrailers: boolean,
): void {
  // The response sends the trailers that were added to it.
  stream.respond(headers, { endStream: body === undefined, waitForTrailers: hasTrailers });
  if (body !== undefined) stream.end(body);
}

/** Returns the answer to HEAD: the same headers without the body. */
export function withoutBody({ body, ...answer }: Answer): Answer {
  if (body === undefined) return answer;
  return { ...answer, headers: { ...answer.headers, "content-length": String(Buffer.byteLength(body)) } };
}

const timedOut = 408;

/** A body that was not read may never end. HTTP/1.1 then closes the connection, HTTP/2 the stream. */
function leaveUnread(request: NodeRequest, response: NodeResponse, answer: Answer): void {
  if ("stream" in response) {
    const { stream } = response;
    // A reset in the same tick would overtake an answer that consists of headers only.
    stream.once("finish", () => setImmediate(() => stream.close(constants.NGHTTP2_NO_ERROR)));
  } else if (answer.status === timedOut || !isShort(request)) {
    answer.headers["connection"] = "close";
  }
}

/** Returns whether the body is so short that Node may skip it and keep the connection. */
function isShort(request: NodeRequest): boolean {
  return Number(request.headers["content-length"] ?? Number.POSITIVE_INFINITY) <= 64 * 1024;
}
