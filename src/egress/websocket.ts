// Forwards a WebSocket: the handshake is checked like every request, then bytes go both ways.
import { type IncomingMessage, request as openRequest } from "node:http";
import type { Duplex } from "node:stream";
import { responseHeaders } from "../domain/egress/forwarded-headers.ts";
import type { ScrubForm } from "../domain/egress/scrub-forms.ts";
import { scrubText } from "../domain/egress/scrubber.ts";
import { OutboundError } from "../net-guard/errors.ts";
import { endSoon, endWithAnswer } from "./answers.ts";
import type { ClientRoute } from "./client.ts";
import type { ForwardParts } from "./http-request.ts";
import { join } from "./join.ts";
import { type PreparedRequest, prepare } from "./prepare.ts";
import { type ProxiedRequest, proxyRequest, type Sides } from "./proxied-request.ts";
import { answerHeadBytesMax, hostHeader } from "./upstream-request.ts";
import { failureCode } from "./upstreams.ts";

export function isWebSocket({ method, headers }: IncomingMessage): boolean {
  return method === "GET" && headers.upgrade?.toLowerCase() === "websocket";
}

/** Resolves when both connections are closed. */
export function forwardWebSocket(
  parts: ForwardParts,
  route: ClientRoute,
  request: IncomingMessage,
  socket: Duplex,
  early: Buffer,
): Promise<void> {
  const { method = "", url: target = "", httpVersion, rawHeaders } = request;
  socket.on("error", () => socket.destroy());
  return proxyRequest(
    parts,
    { method, host: route.host, target },
    (answer) => endWithAnswer(socket, answer),
    async (proxied) => {
      const prepared = await prepare(parts, route, { method, httpVersion, target, rawHeaders });
      if (!("headers" in prepared)) return prepared;
      const sides = sidesOf(parts, { route, target, socket, early, prepared, proxied });
      return { sandbox: prepared.sandbox, secretIds: prepared.secretIds, meters: prepared.meters, sides };
    },
  );
}

interface Connected {
  route: ClientRoute;
  target: string;
  socket: Duplex;
  /** Bytes that the client sent after the head. */
  early: Buffer;
  prepared: PreparedRequest;
  proxied: ProxiedRequest;
}

function sidesOf(parts: ForwardParts, { route, target, socket, early, prepared, proxied }: Connected): Sides {
  const { sandbox, secretIds, forms } = prepared;
  const gone = new AbortController();
  let answer: HandshakeAnswer | undefined;
  return {
    send() {
      // The client left while the request was checked.
      if (socket.destroyed) return proxied.clientLeft();
      socket.on("close", proxied.clientLeft);
      handshake(parts, route, target, prepared, gone.signal).then(
        (received) => {
          answer = received;
          const status = received.incoming.statusCode ?? 502;
          proxied.answered(status, status);
        },
        (error: unknown) => proxied.fail(failureCode(error)),
      );
    },
    passOn() {
      if (!answer) return;
      // From here on the bytes of a client that left still reach the host.
      socket.off("close", proxied.clientLeft);
      const { incoming, upstream, first } = answer;
      for (const secretId of secretIds) parts.touchUsed({ workspaceId: sandbox.workspaceId, secretId });
      socket.write(headText(incoming, forms), "latin1");
      if (upstream) {
        if (early.byteLength > 0) socket.unshift(early);
        if (first.byteLength > 0) upstream.unshift(first);
        join(parts, route, [socket, upstream], secretIds, proxied);
      } else {
        // The client can see from the head that there is no WebSocket. The body is left out.
        incoming.destroy();
        endSoon(socket);
        proxied.finished();
      }
    },
    breakHost() {
      gone.abort();
      (answer?.upstream ?? answer?.incoming)?.destroy();
    },
    breakClient: () => void socket.destroy(),
  };
}

interface HandshakeAnswer {
  incoming: IncomingMessage;
  /** Undefined when the host refused the WebSocket. */
  upstream: Duplex | undefined;
  first: Buffer;
}

/** `signal`: the answer is no longer needed. */
async function handshake(
  parts: ForwardParts,
  route: ClientRoute,
  target: string,
  prepared: PreparedRequest,
  signal: AbortSignal,
): Promise<HandshakeAnswer> {
  const connection = await parts.upstreams.connect(route);
  const { promise, resolve, reject } = Promise.withResolvers<HandshakeAnswer>();
  const sent = openRequest({
    createConnection: () => connection,
    method: "GET",
    path: target,
    setHost: false,
    maxHeaderSize: answerHeadBytesMax,
    headers: [...hostHeader(route), "Connection", "Upgrade", "Upgrade", "websocket", ...prepared.headers],
  });
  parts.guard.guardConnection(sent, sent);
  const late = setTimeout(() => sent.destroy(new OutboundError("TIMED_OUT")), parts.timeouts.answerMs);
  // Not an option of the request: a handshake that is aborted early must close its connection too.
  const stop = () => {
    sent.destroy();
    connection.destroy();
    reject(signal.reason);
  };
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
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
    signal.removeEventListener("abort", stop);
  }
}

function headText(incoming: IncomingMessage, forms: readonly ScrubForm[]): string {
  const { rawHeaders, statusMessage = "", statusCode: status = 502 } = incoming;
  const headers = responseHeaders(rawHeaders, true);
  const own = status === 101 ? ["Connection", "Upgrade", "Upgrade", "websocket"] : ["Connection", "close"];
  const lines = [...own, ...headers].map((text, i) => scrubText(text, forms) + (i % 2 === 0 ? ": " : "\r\n"));
  return `HTTP/1.1 ${status} ${scrubText(statusMessage, forms)}\r\n${lines.join("")}\r\n`;
}
