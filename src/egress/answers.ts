// What the proxy itself answers: refusals that say so, and the question for a token.
import type { ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { Refusal, RefusalCode } from "../domain/egress/refusal.ts";
import { refusalStatus } from "../domain/egress/refusal.ts";
import type { JudgedSandbox } from "../domain/egress/sandbox.ts";
import { CofferError } from "../domain/error/errors.ts";
import type { EgressParts } from "./parts.ts";
import type { Record } from "./record.ts";

export interface ProxyAnswer {
  status: number;
  reason: string;
  /** Undefined where nothing is known of it. */
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

/** Who it is must be said first. */
export function unknownSandbox({ onUnknown }: EgressParts, address: string): ProxyAnswer {
  onUnknown(address);
  return { status: 407, reason: "proxy_authentication_required" };
}

/** Without its event nothing is answered. */
export const eventsUnavailable: ProxyAnswer = refusalOnly("events_unavailable");

/** What is said of an error that was not foreseen. */
export function failureAnswer(error: unknown): ProxyAnswer {
  const isAway = error instanceof CofferError && error.reason === "DEPENDENCY_UNAVAILABLE";
  return isAway ? eventsUnavailable : { status: refusalStatus.inject_error, reason: "inject_error" };
}

/** Writes the refusal's event, and says what to answer: without its event nothing is explained. */
export async function refusalAnswer(
  parts: EgressParts,
  record: Record,
  sandbox: JudgedSandbox,
  { code, secretId, retryAfterMs }: Refusal,
): Promise<ProxyAnswer> {
  const status = refusalStatus[code];
  const secretIds = secretId === undefined ? [] : [secretId];
  try {
    await record.write(sandbox, { secretIds, status, upstreamStatus: undefined, errorCode: code });
  } catch (error) {
    parts.onUnexpectedError(error);
    return eventsUnavailable;
  }
  return { status, reason: code, retryAfterMs };
}

export function refusalOnly(code: RefusalCode): ProxyAnswer {
  return { status: refusalStatus[code], reason: code };
}

/** Nothing, when an answer has begun. */
export function sendAnswer(response: ServerResponse, answer: ProxyAnswer, isLast = false): void {
  if (response.headersSent) return;
  response.writeHead(answer.status, phrases[answer.status], {
    ...headersOf(answer),
    ...(isLast ? { connection: "close" } : {}),
  });
  response.end(bodyOf(answer));
}

/** What was written arrives within it, also where a client is still sending. */
const lingerMs = 1_000;

/** The same on a bare connection, which ends with it. */
export function endWithAnswer(socket: Duplex, answer: ProxyAnswer): void {
  const headers = Object.entries({ ...headersOf(answer), connection: "close" });
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`);
  endSoon(socket, `HTTP/1.1 ${answer.status} ${phrases[answer.status]}\r\n${lines.join("")}\r\n${bodyOf(answer)}`);
}

/** Closes a connection, also when the client never closes its side of it. */
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
