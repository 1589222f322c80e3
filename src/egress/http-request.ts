// Forwards one HTTP request of a sandbox to its host. Both bodies are streamed, and redirects are not followed.
import type { ClientRequest, IncomingMessage, ServerResponse } from "node:http";
import type { EventGuard } from "../wire/guard-events.ts";
import { isEventStream, passAnswer } from "./answer-body.ts";
import { endSoon, sendAnswer } from "./answers.ts";
import type { ClientRoute } from "./client.ts";
import { type PreparedRequest, type PrepareParts, prepare } from "./prepare.ts";
import { type ProxiedRequest, proxyRequest, type Sides } from "./proxied-request.ts";
import { type RecheckParts, recheck } from "./recheck.ts";
import { bodyBytesMax, sendBody } from "./request-body.ts";
import type { EventParts } from "./request-events.ts";
import { bodilessMethods, hasBody, openUpstream } from "./upstream-request.ts";
import { failureCode, type Upstreams } from "./upstreams.ts";

export interface ForwardParts extends PrepareParts, RecheckParts, EventParts {
  upstreams: Upstreams;
  /** A secret was put into a request. */
  touchUsed(secret: { workspaceId: string; secretId: string }): void;
  guard: EventGuard;
}

/** Resolves when the request has ended. */
export function forward(
  parts: ForwardParts,
  route: ClientRoute,
  target: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { method = "", httpVersion, rawHeaders } = request;
  // A refused request without a body leaves the connection usable.
  let isLast = true;
  return proxyRequest(
    parts,
    { method, host: route.host, target },
    (answer) => sendAnswer(response, answer, isLast),
    async (proxied) => {
      const prepared = await prepare(parts, route, { method, httpVersion, target, rawHeaders });
      if ("answer" in prepared) return prepared;
      if ("refusal" in prepared) {
        isLast = hasBody(request);
        return prepared;
      }
      const sides = sidesOf(parts, { route, target, request, response, prepared, proxied });
      return { sandbox: prepared.sandbox, secretIds: prepared.secretIds, meters: prepared.meters, sides };
    },
  );
}

interface Connected {
  route: ClientRoute;
  target: string;
  request: IncomingMessage;
  response: ServerResponse;
  prepared: PreparedRequest;
  proxied: ProxiedRequest;
}

function sidesOf(parts: ForwardParts, { route, target, request, response, prepared, proxied }: Connected): Sides {
  const { answerMs, bodyMs, idleMs, heldMs } = parts.timeouts;
  const { sandbox, secretIds, headers, forms } = prepared;
  let upstream: ClientRequest | undefined;
  let incoming: IncomingMessage | undefined;
  let silence: NodeJS.Timeout | undefined;

  /** Ends the request after this time without a byte; 0: never. */
  function limitSilence(ms: number): void {
    clearTimeout(silence);
    silence = ms > 0 ? setTimeout(() => proxied.fail("upstream_timeout"), ms) : undefined;
  }

  const counted: ProxiedRequest = {
    ...proxied,
    count(side, bytes) {
      silence?.refresh();
      return proxied.count(side, bytes);
    },
  };

  function open(isRepeated: boolean): void {
    const agent = parts.upstreams.agentOf(sandbox.sandboxId);
    const sent = openUpstream(request, { host: route.host, port: route.port, target, agent, headers });
    parts.guard.guardConnection(request.socket, sent);
    upstream = sent;
    sent.on("response", (message) => {
      parts.guard.guardConnection(request.socket, message);
      const status = message.statusCode ?? 0;
      if (status < 200) return proxied.fail("upstream_unreachable");
      incoming = message;
      limitSilence(isEventStream(message) ? idleMs : bodyMs);
      proxied.answered(status, status);
    });
    // Without an answer or an error the host switched to a protocol that the request did not ask for.
    sent.on("close", () => sent === upstream && !incoming && proxied.fail("upstream_unreachable"));
    sent.on("error", (error) => {
      // The host may close a kept connection at the moment at which it is used again.
      const isStale =
        sent.reusedSocket && !isRepeated && !hasBody(request) && bodilessMethods.has(request.method ?? "");
      if (isStale && !incoming && !proxied.isDecided()) open(true);
      else proxied.fail(failureCode(error));
    });
    if (hasBody(request)) sendBody(request, sent, sandbox.bindings, counted);
    else sent.end();
  }

  function answered(): void {
    // A connection is kept for the next request only if the host has read all of this one.
    if (!upstream?.writableFinished) upstream?.destroy();
    proxied.finished();
    if (request.complete) return;
    request.resume();
    endSoon(request.socket);
  }

  return {
    send() {
      response.on("close", proxied.clientLeft);
      const stopChecks = recheck(parts, route, secretIds, proxied.fail);
      void proxied.ended.then(() => {
        clearTimeout(silence);
        stopChecks();
      });
      // The client left while the request was checked.
      if (response.closed) return proxied.clientLeft();
      if (hasBody(request)) {
        limitSilence(bodyMs);
        request.on("end", () => !incoming && !proxied.isDecided() && limitSilence(answerMs));
      } else {
        limitSilence(answerMs);
      }
      for (const secretId of secretIds) parts.touchUsed({ workspaceId: sandbox.workspaceId, secretId });
      if (Number(request.headers["content-length"] ?? 0) > bodyBytesMax) proxied.fail("body_too_large");
      else open(false);
    },
    passOn() {
      if (!incoming || (incoming.destroyed && !incoming.complete)) return proxied.failUnsent("upstream_unreachable");
      response.on("finish", answered);
      try {
        passAnswer(incoming, response, {
          method: request.method,
          forms,
          heldMs,
          count: (bytes) => counted.count("responseBytes", bytes),
          onBroken: () => proxied.fail("upstream_unreachable"),
        });
      } catch {
        // The head of the host's answer cannot be written as HTTP.
        proxied.failUnsent("upstream_unreachable");
      }
    },
    breakHost: () => void upstream?.destroy(),
    breakClient: () => void response.destroy(),
  };
}
