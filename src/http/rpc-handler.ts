// Passes streams to connect-node's handlers, and corrects answers that gRPC clients do not expect.
import type { ConnectRouter, ContextValues } from "@connectrpc/connect";
import type { UniversalServerRequest, UniversalServerResponse } from "@connectrpc/connect/protocol";
import { universalRequestFromNodeRequest, universalResponseToNodeResponse } from "@connectrpc/connect-node";
import type { NodeRequest, NodeResponse } from "../call/http-call.ts";
import { tooLarge } from "./body/inflate.ts";
import { publicBodyBytesMax } from "./body/read-body.ts";
import { base64Length, decodeText } from "./direct/base64-text.ts";
import { encodeGrpcMessage } from "./direct/error-answers.ts";
import { grpcContentType, readGrpcContentType } from "./direct/grpc-content-type.ts";

export type RpcHandler = (request: NodeRequest, response: NodeResponse, contextValues: ContextValues) => void;

/** For paths of the router only. */
export function createRpcHandler(router: ConnectRouter, onUnexpectedError: (error: unknown) => void): RpcHandler {
  const handlers = new Map(router.handlers.map((handler) => [handler.requestPath, handler]));
  return (request, response, contextValues) => {
    const handler = handlers.get((request.url ?? "").split("?", 1)[0] ?? "");
    if (!handler) throw new Error("the router has no such path");
    const universal = universalRequestFromNodeRequest(request, response, undefined, contextValues);
    const isText = readGrpcContentType(request.headers["content-type"])?.isText === true;
    handler(isText ? fromText(universal) : universal)
      .then((answer) => withPlainMessage(isText ? toText(answer) : answer))
      .then((answer) => universalResponseToNodeResponse(answer, response))
      // A disconnected client is not an error.
      .catch((error: unknown) => {
        if (!response.destroyed && !universal.signal.aborted) onUnexpectedError(error);
      });
  };
}

/** Converts a request of gRPC-Web in text mode to one in binary. */
function fromText(request: UniversalServerRequest): UniversalServerRequest {
  const header = new Headers(request.header);
  header.set("content-type", grpcContentType({ isWeb: true, isText: false }));
  const { body } = request;
  return { ...request, header, body: isChunks(body) ? decoded(body) : body };
}

/** The body is small, because calls of coffer's streams have one message. */
async function* decoded(body: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of body) {
    sizeBytes += chunk.byteLength;
    if (sizeBytes > base64Length(publicBodyBytesMax)) throw tooLarge(publicBodyBytesMax);
    chunks.push(chunk);
  }
  yield decodeText(Buffer.concat(chunks));
}

/** Encodes each piece of the answer separately, so that the client can read it at once. */
function toText(answer: UniversalServerResponse): UniversalServerResponse {
  const header = new Headers(answer.header);
  header.set("content-type", grpcContentType({ isWeb: true, isText: true }));
  return { ...answer, header, ...(answer.body ? { body: encoded(answer.body) } : {}) };
}

async function* encoded(body: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  for await (const chunk of body) yield Buffer.from(Buffer.from(chunk).toString("base64"));
}

/** Connect encodes more of grpc-message than gRPC allows, and other clients show the encoded text. The trailers are complete after the body. */
function withPlainMessage(answer: UniversalServerResponse): UniversalServerResponse {
  const { header, body, trailer } = answer;
  if (!body) {
    if (header) encodeAgain(header);
    return answer;
  }
  return { ...answer, body: thenDo(body, () => trailer && encodeAgain(trailer)) };
}

async function* thenDo(body: AsyncIterable<Uint8Array>, work: () => void): AsyncIterable<Uint8Array> {
  yield* body;
  work();
}

function encodeAgain(headers: Headers): void {
  const message = headers.get("grpc-message");
  if (message !== null) headers.set("grpc-message", encodeGrpcMessage(decodeURIComponent(message)));
}

function isChunks(body: UniversalServerRequest["body"]): body is AsyncIterable<Uint8Array> {
  return typeof body === "object" && body !== null && Symbol.asyncIterator in body;
}
