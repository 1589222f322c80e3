// The request as its host gets it, without its body.
import { type ClientRequest, type IncomingMessage, request as openRequest } from "node:http";
import type { Exchange } from "./exchange.ts";

/** More than any browser takes. */
export const answerHeadBytesMax = 262_144;

/** Of which a request without a length has no body. */
export const bodilessMethods: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

export function openUpstream({ parts, visit, target, request, ready }: Exchange): ClientRequest {
  const { host, port } = visit;
  const { method = "" } = request;
  const sent = openRequest({
    agent: parts.upstreams.agentOf(ready.sandbox.sandboxId),
    host,
    port,
    method,
    path: target,
    setHost: false,
    maxHeaderSize: answerHeadBytesMax,
    headers: [...["Host", port === 443 ? host : `${host}:${port}`], ...ready.headers, ...framingOf(request)],
  });
  // Headers past a count would be dropped without a word, and with them what says how the body is coded.
  sent.maxHeadersCount = 0;
  return sent;
}

export function hasBody({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
}

/** Always said: the body of a request that says nothing would be a request of its own to the host. */
function framingOf({ headers, method = "" }: IncomingMessage): string[] {
  const { "transfer-encoding": coding, "content-length": length } = headers;
  if (coding !== undefined) return ["Transfer-Encoding", "chunked"];
  if (length !== undefined) return ["Content-Length", String(Number(length))];
  return bodilessMethods.has(method) ? [] : ["Content-Length", "0"];
}
