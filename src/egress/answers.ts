// The answers of the proxy itself: refusals, and the request for a token.
import type { ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { refusalStatus } from "../domain/egress/refusal.ts";
import { CofferError } from "../domain/error/errors.ts";

export interface ProxyAnswer {
  status: number;
  reason: string;
  /** Undefined when it is not known. */
  retryAfterMs?: number | undefined;
}

const phrases: Readonly<{ [status: number]: string }> = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  407: "Proxy Authentication Required",
  413: "Content Too Large",
  429: "Too Many Requests",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
};

/** The answer to a request whose event cannot be written. */
export const eventsUnavailable: ProxyAnswer = {
  status: refusalStatus.events_unavailable,
  reason: "events_unavailable",
};

/** Returns the answer to an unexpected error. */
export function failureAnswer(error: unknown): ProxyAnswer {
  const isUnavailable = error instanceof CofferError && error.reason === "DEPENDENCY_UNAVAILABLE";
  return isUnavailable ? eventsUnavailable : { status: refusalStatus.inject_error, reason: "inject_error" };
}

/** Does nothing when an answer has begun. */
export function sendAnswer(response: ServerResponse, answer: ProxyAnswer, isLast = false): void {
  if (response.headersSent) return;
  response.writeHead(answer.status, phrases[answer.status], {
    ...headersOf(answer),
    ...(isLast ? { connection: "close" } : {}),
  });
  response.end(bodyOf(answer));
}

/** Time for the answer to arrive, also when the client is still sending. */
const lingerMs = 1_000;

/** Sends the answer on a connection without an HTTP response, and ends the connection. */
export function endWithAnswer(socket: Duplex, answer: ProxyAnswer): void {
  const headers = Object.entries({ ...headersOf(answer), connection: "close" });
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`);
  endSoon(socket, `HTTP/1.1 ${answer.status} ${phrases[answer.status]}\r\n${lines.join("")}\r\n${bodyOf(answer)}`);
}

/** Closes a connection, also when the client never closes its side. */
export function endSoon(socket: Duplex, text = ""): void {
  socket.end(text);
  socket.resume();
  const late = setTimeout(() => socket.destroy(), lingerMs);
  socket.on("close", () => clearTimeout(late));
}

function headersOf(answer: ProxyAnswer): { [name: string]: string } {
  return {
    "content-type": "text/plain",
    "x-content-type-options": "nosniff",
    "content-length": String(bodyOf(answer).length),
    "X-Superserve-Proxy-Error": "true",
    "X-Superserve-Proxy-Reason": answer.reason,
    ...(answer.retryAfterMs === undefined ? {} : { "Retry-After": String(Math.ceil(answer.retryAfterMs / 1_000)) }),
    ...(answer.status === 407 ? { "Proxy-Authenticate": 'Basic realm="coffer"' } : {}),
  };
}

function bodyOf({ reason }: ProxyAnswer): string {
  return `coffer: ${reason}\n`;
}
