// WebSockets: the handshake as all requests, then bytes both ways until either ends, or the sandbox may no longer.
import { type IncomingMessage, request as openRequest } from "node:http";
import type { Duplex } from "node:stream";
import { responseHeaders } from "../domain/egress/forwarded-headers.ts";
import { scrubText } from "../domain/egress/scrubber.ts";
import { OutboundError } from "../net-guard/errors.ts";
import { endSoon, endWithAnswer, eventsUnavailable, refusalAnswer } from "./answers.ts";
import { join } from "./join.ts";
import type { EgressParts } from "./parts.ts";
import { prepare, type Ready, type Visit } from "./prepare.ts";
import { createRecord } from "./record.ts";
import { answerHeadBytesMax } from "./upstream-request.ts";
import { failureCode } from "./upstreams.ts";

export function isWebSocket({ method, headers }: IncomingMessage): boolean {
  return method === "GET" && headers.upgrade?.toLowerCase() === "websocket";
}

export async function forwardWebSocket(
  parts: EgressParts,
  visit: Visit,
  request: IncomingMessage,
  socket: Duplex,
  early: Buffer,
): Promise<void> {
  const { method = "", url: target = "", httpVersion, rawHeaders } = request;
  socket.on("error", () => socket.destroy());
  const record = createRecord(parts, { method, host: visit.host, target });
  const prepared = await prepare(parts, visit, { method, httpVersion, target, rawHeaders });
  if ("answer" in prepared) return endWithAnswer(socket, prepared.answer);
  const { sandbox } = prepared;
  if ("refusal" in prepared) {
    endWithAnswer(socket, await refusalAnswer(parts, record, sandbox, prepared.refusal));
    return record.finish();
  }
  const secretIds = prepared.swaps.map(({ binding }) => binding.secretId);
  const handshaken = await handshake(parts, visit, target, prepared).catch(failureCode);
  if (typeof handshaken === "string") {
    endWithAnswer(socket, await refusalAnswer(parts, record, sandbox, { code: handshaken, ...aboutOf(secretIds) }));
    return record.finish();
  }
  const { incoming, upstream, first } = handshaken;
  const status = incoming.statusCode ?? 502;
  try {
    await record.write(sandbox, { secretIds, status, upstreamStatus: status, errorCode: "" });
  } catch (error) {
    parts.onUnexpectedError(error);
    (upstream ?? incoming).destroy();
    return endWithAnswer(socket, eventsUnavailable);
  }
  for (const secretId of secretIds) parts.touchUsed({ workspaceId: sandbox.workspaceId, secretId });
  socket.write(headText(incoming, prepared, status), "latin1");
  if (upstream) {
    if (early.byteLength > 0) socket.unshift(early);
    if (first.byteLength > 0) upstream.unshift(first);
    await join(parts, visit, socket, upstream, { record, secretIds, meters: prepared.meters });
  } else {
    endWithBody(incoming, socket);
  }
  record.finish();
}

function aboutOf([secretId]: readonly string[]): { secretId?: string } {
  return secretId === undefined ? {} : { secretId };
}

interface Handshaken {
  incoming: IncomingMessage;
  /** Undefined when the host would not. */
  upstream: Duplex | undefined;
  first: Buffer;
}

async function handshake(parts: EgressParts, visit: Visit, target: string, ready: Ready): Promise<Handshaken> {
  const { host, port } = visit;
  const connection = await parts.upstreams.connect(visit);
  const { promise, resolve, reject } = Promise.withResolvers<Handshaken>();
  const sent = openRequest({
    createConnection: () => connection,
    method: "GET",
    path: target,
    setHost: false,
    maxHeaderSize: answerHeadBytesMax,
    headers: [
      ...["Host", port === 443 ? host : `${host}:${port}`, "Connection", "Upgrade", "Upgrade", "websocket"],
      ...ready.headers,
    ],
  });
  parts.guard.guardConnection(sent, sent);
  const late = setTimeout(() => sent.destroy(new OutboundError("TIMED_OUT")), parts.timeouts.answerMs);
  sent.on("upgrade", (incoming, upstream, first) => {
    if (incoming.headers.upgrade?.toLowerCase() === "websocket") return resolve({ incoming, upstream, first });
    // The host switched to a protocol that the request did not ask for, such as h2c. The proxy could not check anything in it.
    upstream.destroy();
    reject(new OutboundError("UNREACHABLE"));
  });
  sent.on("response", (incoming) => resolve({ incoming, upstream: undefined, first: Buffer.alloc(0) }));
  sent.on("error", reject);
  sent.end();
  try {
    return await promise;
  } finally {
    clearTimeout(late);
  }
}

function headText({ rawHeaders, statusMessage = "" }: IncomingMessage, { forms }: Ready, status: number): string {
  const headers = responseHeaders(rawHeaders, true);
  const own = status === 101 ? ["Connection", "Upgrade", "Upgrade", "websocket"] : ["Connection", "close"];
  const lines = [...own, ...headers].map((text, i) => scrubText(text, forms) + (i % 2 === 0 ? ": " : "\r\n"));
  return `HTTP/1.1 ${status} ${scrubText(statusMessage, forms)}\r\n${lines.join("")}\r\n`;
}

/** Its body says why; nobody needs it to know that there will be no WebSocket. */
function endWithBody(incoming: IncomingMessage, socket: Duplex): void {
  incoming.destroy();
  endSoon(socket);
}
