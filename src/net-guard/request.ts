// One bounded HTTP request through the guard: no redirects, no proxies, no kept connections, a limit on the answer's size.
import { once } from "node:events";
import { type ClientRequest, type IncomingHttpHeaders, type IncomingMessage, request as sendRequest } from "node:http";
import type { Socket } from "node:net";
import { dial } from "./dial.ts";
import { OutboundError } from "./errors.ts";
import type { NetGuard } from "./guard.ts";

export interface OutboundRequest {
  method: "GET" | "POST";
  url: URL;
  headers: Readonly<Record<string, string>>;
  body?: string;
}

export interface OutboundAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  /** The body of the answer. It may repeat the credential that was sent, so never log it. */
  body: string;
}

export interface OutboundLimits {
  /** Aborts the request. A TimeoutError as reason gives TIMED_OUT. */
  signal: AbortSignal;
  /** The time limit for connecting to one address. */
  attemptMs: number;
  answerBytesMax: number;
}

/** Returns the answer, whatever its status. Fails with an OutboundError. */
export async function requestOutside(
  guard: NetGuard,
  request: OutboundRequest,
  limits: OutboundLimits,
): Promise<OutboundAnswer> {
  const { signal } = limits;
  try {
    const socket = await dial(guard, request.url, limits);
    try {
      return await exchange(socket, request, limits);
    } finally {
      socket.destroy();
    }
  } catch (error) {
    if (error instanceof OutboundError) throw error;
    if (!signal.aborted) throw new OutboundError("UNREACHABLE", error);
    throw new OutboundError(isTimeout(signal.reason) ? "TIMED_OUT" : "ABORTED", error);
  }
}

async function exchange(
  socket: Socket,
  { method, url, headers, body = "" }: OutboundRequest,
  { signal, answerBytesMax }: OutboundLimits,
): Promise<OutboundAnswer> {
  const request = sendRequest({
    method,
    path: url.pathname + url.search,
    // Ask for uncompressed answers: the client does not decompress.
    headers: { host: url.host, "accept-encoding": "identity", "user-agent": "coffer", connection: "close", ...headers },
    createConnection: () => socket,
    signal,
    maxHeaderSize: 16_384,
  });
  // Errors after the answer has been read do not matter.
  request.on("error", () => {});
  request.end(body);
  const response = await answerTo(request, signal);
  return { status: response.statusCode ?? 0, headers: response.headers, body: await textOf(response, answerBytesMax) };
}

async function answerTo(request: ClientRequest, signal: AbortSignal): Promise<IncomingMessage> {
  const [response] = (await once(request, "response", { signal })) as [IncomingMessage];
  return response;
}

async function textOf(response: IncomingMessage, sizeBytesMax: number): Promise<string> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    sizeBytes += chunk.byteLength;
    if (sizeBytes > sizeBytesMax) throw new OutboundError("ANSWER_TOO_LARGE");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function isTimeout(reason: unknown): boolean {
  return reason instanceof Error && reason.name === "TimeoutError";
}
