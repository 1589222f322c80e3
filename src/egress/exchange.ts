// One request that may go to its host, until its answer is over, whichever way: time-outs, bytes, and who ends it first.
import type { ClientRequest, IncomingMessage, ServerResponse } from "node:http";
import type { RefusalCode } from "../domain/egress/refusal.ts";
import { answerOn } from "./answer-on.ts";
import { endSoon, eventsUnavailable, refusalAnswer, sendAnswer } from "./answers.ts";
import type { EgressParts } from "./parts.ts";
import type { Ready, Visit } from "./prepare.ts";
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

/** What the ways of the two bodies have in common. */
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
  const { parts, request, response, record, ready } = given;
  const { promise, resolve } = Promise.withResolvers<void>();
  const secretIds = ready.swaps.map(({ binding }) => binding.secretId);
  let state: "waiting" | "answering" | "over" = "waiting";
  let upstream: ClientRequest | undefined;
  const idle = setTimeout(() => fail("upstream_timeout"), parts.timeouts.idleMs);
  const whole = setTimeout(() => fail("upstream_timeout"), parts.timeouts.requestMs);

  function over(): void {
    state = "over";
    clearTimeout(idle);
    clearTimeout(whole);
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
      // While its event is being written nothing is answered.
      if (response.headersSent) response.destroy();
      else sendAnswer(response, eventsUnavailable, true);
      over();
      return;
    }
    void refusalAnswer(parts, record, ready.sandbox, { code, ...(secretId === undefined ? {} : { secretId }) })
      .then((answer) => sendAnswer(response, answer, true))
      .catch(parts.onUnexpectedError)
      .finally(over);
  }

  function count(side: "requestBytes" | "responseBytes", bytes: number): boolean {
    idle.refresh();
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
    idle.refresh();
    await record.write(ready.sandbox, { secretIds, status, upstreamStatus: status, errorCode: "" });
    if (course.isOver()) return;
    answerOn(given, incoming, course);
    response.on("finish", answered);
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
      answer(incoming).catch((error: unknown) => {
        parts.onUnexpectedError(error);
        state = "over";
        sendAnswer(response, eventsUnavailable, true);
        breakOff();
      });
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
      over();
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
  for (const secretId of secretIds) parts.touchUsed({ workspaceId: ready.sandbox.workspaceId, secretId });
  if (Number(request.headers["content-length"] ?? 0) > bodyBytesMax) fail("body_too_large");
  else send(false);
  return promise;
}
