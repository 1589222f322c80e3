// One bounded HTTP request through the guard: no redirects, no proxies, no kept connections, a small answer or none.
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
  /** Without its credential nobody asks for it, so it is text that nobody has to keep secret; but it may repeat what it was sent. */
  body: string;
}

export interface OutboundLimits {
  /** Ends the request; a reason that is a TimeoutError is a TIMED_OUT. */
  signal: AbortSignal;
  /** For connecting to one address. */
  attemptMs: number;
  answerBytesMax: number;
}

/** Any answer, whatever its status. Fails with an OutboundError. */
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
    // What the host sends must be what it takes: nothing here unpacks.
    headers: { host: url.host, "accept-encoding": "identity", "user-agent": "coffer", connection: "close", ...headers },
    createConnection: () => socket,
    signal,
    maxHeaderSize: 16_384,
  });
  // Whatever breaks after the answer has been read concerns nobody.
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
