// Opens the request to the host, without its body.
import { type Agent, type ClientRequest, type IncomingMessage, request as openRequest } from "node:http";
import type { Destination } from "../domain/egress/framing.ts";

/** More than browsers accept. */
export const answerHeadBytesMax = 262_144;

/** Methods whose requests have no body unless they state a length. */
export const bodilessMethods: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

/** `headers`: those of the request without Host and without the length of its body. */
export function openUpstream(
  request: IncomingMessage,
  { host, port, target, agent, headers }: Destination & { target: string; agent: Agent; headers: readonly string[] },
): ClientRequest {
  const sent = openRequest({
    agent,
    host,
    port,
    method: request.method ?? "",
    path: target,
    setHost: false,
    maxHeaderSize: answerHeadBytesMax,
    headers: [...hostHeader({ host, port }), ...headers, ...framingOf(request)],
  });
  // By default Node silently drops headers past a count. One of them may say how the body is coded.
  sent.maxHeadersCount = 0;
  return sent;
}

export function hostHeader({ host, port }: Destination): [name: string, value: string] {
  return ["Host", port === 443 ? host : `${host}:${port}`];
}

export function hasBody({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
}

/** Always states a length: otherwise the host could read the body of a request as a second request. */
function framingOf({ headers, method = "" }: IncomingMessage): string[] {
  const { "transfer-encoding": coding, "content-length": length } = headers;
  if (coding !== undefined) return ["Transfer-Encoding", "chunked"];
  if (length !== undefined) return ["Content-Length", String(Number(length))];
  return bodilessMethods.has(method) ? [] : ["Content-Length", "0"];
}
