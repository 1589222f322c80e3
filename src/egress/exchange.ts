// One request that may go to its host, until its answer is over, whichever way: time-outs, bytes, and who ends it first.
import type { ClientRequest, IncomingMessage, ServerResponse } from "node:http";
import type { RefusalCode } from "../domain/egress/refusal.ts";
import { answerOn, isEventStream } from "./answer-on.ts";
import { endSoon, eventsUnavailable, refusalAnswer, refusalOnly, sendAnswer } from "./answers.ts";
import type { EgressParts } from "./parts.ts";
import type { Ready, Visit } from "./prepare.ts";
import { recheck } from "./recheck.ts";
import type { Record } from "./record.ts";
import { bodyBytesMax, sendBody } from "./request-body.ts";
import { bodilessMethods, hasBody, openUpstream } from "./upstream-request.ts";
import { failureCode } from "./upstreams.ts";

export interface Exchange {
  parts: EgressParts;
  visit: Visit;
  target: string;
  request: IncomingMessage;
  response: ServerResponse;
  record: Record;
  ready: Ready;
}

/** Both bodies share it. */
export interface Course {
  isOver(): boolean;
  /** Counts what goes through, and says whether more may. */
  count(side: "requestBytes" | "responseBytes", bytes: number): boolean;
  /** Before the answer has begun it is said, afterwards the answer breaks off. */
  fail(code: RefusalCode, secretId?: string): void;
  /** Ends it where nothing is left to say. */
  breakOff(): void;
}

/** What the log of a host says of a client that did not wait. */
const clientGoneStatus = 499;

/** Resolves when the answer is over. */
export function exchange(given: Exchange): Promise<void> {
  const { parts, visit, request, response, record, ready } = given;
  const { answerMs, bodyMs, idleMs } = parts.timeouts;
  const { promise, resolve } = Promise.withResolvers<void>();
  const secretIds = ready.swaps.map(({ binding }) => binding.secretId);
  let state: "waiting" | "answering" | "over" = "waiting";
  let upstream: ClientRequest | undefined;
  let silence: NodeJS.Timeout | undefined;
  const stopChecks = recheck(parts, visit, secretIds, fail);

  /** Ends the exchange after this time without a byte; 0: never. */
  function limitSilence(ms: number): void {
    clearTimeout(silence);
    silence = ms > 0 ? setTimeout(() => fail("upstream_timeout"), ms) : undefined;
  }

  function over(): void {
    state = "over";
    clearTimeout(silence);
    stopChecks();
    resolve();
  }

  function breakOff(): void {
    over();
    upstream?.destroy();
  }

  function fail(code: RefusalCode, secretId = secretIds[0]): void {
    if (state === "over") return;
    const wasWaiting = state === "waiting";
    state = "over";
    upstream?.destroy();
    if (!wasWaiting) {
      record.brokenBy = code;
      // Without a head the event is still being written; `answer` then reports the failure.
      if (response.headersSent) response.destroy();
      if (response.headersSent || response.destroyed) over();
      return;
    }
    void refusalAnswer(parts, record, ready.sandbox, { code, ...(secretId === undefined ? {} : { secretId }) })
      .then((answer) => sendAnswer(response, answer, true))
      .catch(parts.onUnexpectedError)
      .finally(over);
  }

  function count(side: "requestBytes" | "responseBytes", bytes: number): boolean {
    silence?.refresh();
    record[side] += bytes;
    if (ready.meters.every((meter) => meter.addBytes(bytes))) return true;
    fail("byte_cap_reached");
    return false;
  }

  const course: Course = { isOver: () => state === "over", count, fail, breakOff };

  async function answer(incoming: IncomingMessage): Promise<void> {
    if (state !== "waiting") return;
    const status = incoming.statusCode ?? 0;
    if (status < 200) {
      fail("upstream_unreachable");
      return;
    }
    state = "answering";
    limitSilence(isEventStream(incoming) ? idleMs : bodyMs);
    try {
      await record.write(ready.sandbox, { secretIds, status, upstreamStatus: status, errorCode: "" });
    } catch (error) {
      parts.onUnexpectedError(error);
      sendAnswer(response, eventsUnavailable, true);
      breakOff();
      return;
    }
    if (incoming.destroyed && !incoming.complete) fail("upstream_unreachable");
    if (course.isOver()) {
      sendBroken();
      return;
    }
    response.on("finish", answered);
    try {
      answerOn(given, incoming, course);
    } catch {
      // The head of the host's answer cannot be written as HTTP.
      fail("upstream_unreachable");
      sendBroken();
    }
  }

  /** The event is written and the answer has not begun, so the client can still get the error. */
  function sendBroken(): void {
    if (record.brokenBy !== "" && !response.headersSent) {
      const refusal = refusalOnly(record.brokenBy);
      record.statusSent = refusal.status;
      sendAnswer(response, refusal, true);
    }
    breakOff();
  }

  function answered(): void {
    // A connection whose request is whole is kept for the next one, and one whose request a host did not read is not.
    if (upstream?.writableFinished) over();
    else breakOff();
    if (request.complete) return;
    request.resume();
    endSoon(request.socket);
  }

  function send(isRepeated: boolean): void {
    const sent = openUpstream(given);
    parts.guard.guardConnection(request.socket, sent);
    upstream = sent;
    sent.on("response", (incoming) => {
      parts.guard.guardConnection(request.socket, incoming);
      void answer(incoming);
    });
    // Without an answer or an error: the host switched to a protocol that nobody asked for.
    sent.on("close", () => sent === upstream && state === "waiting" && fail("upstream_unreachable"));
    sent.on("error", (error) => {
      // A kept connection may end at the moment at which it is used again.
      const isStale =
        sent.reusedSocket && !isRepeated && !hasBody(request) && bodilessMethods.has(request.method ?? "");
      if (isStale && state === "waiting") send(true);
      else fail(failureCode(error));
    });
    if (hasBody(request)) sendBody(given, sent, course);
    else sent.end();
  }

  /** The client did not wait. */
  function gone(): void {
    if (state === "over") return;
    const wasWaiting = state === "waiting";
    state = "over";
    upstream?.destroy();
    if (!wasWaiting) {
      // Without a head the event is still being written: `answer` ends it then, and what is logged is the whole of it.
      if (response.headersSent) over();
      return;
    }
    const outcome = { secretIds, status: clientGoneStatus, upstreamStatus: undefined, errorCode: "" } as const;
    record.write(ready.sandbox, outcome).catch(parts.onUnexpectedError).finally(over);
  }

  response.on("close", gone);
  // While it was judged: nothing was sent, and nothing will be.
  if (response.closed) {
    gone();
    return promise;
  }
  if (hasBody(request)) {
    limitSilence(bodyMs);
    request.on("end", () => state === "waiting" && limitSilence(answerMs));
  } else {
    limitSilence(answerMs);
  }
  for (const secretId of secretIds) parts.touchUsed({ workspaceId: ready.sandbox.workspaceId, secretId });
  if (Number(request.headers["content-length"] ?? 0) > bodyBytesMax) fail("body_too_large");
  else send(false);
  return promise;
}
