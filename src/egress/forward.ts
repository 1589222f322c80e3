// One request of a sandbox, from its head to the end of its answer; both bodies stream, and nothing is followed.
import { type ClientRequest, type IncomingMessage, request as openRequest, type ServerResponse } from "node:http";
import { responseHeaders } from "../domain/egress/forwarded-headers.ts";
import type { RefusalCode } from "../domain/egress/refusal.ts";
import { createFinder, createScrubber, scrubText } from "../domain/egress/scrubber.ts";
import { OutboundError } from "../net-guard/errors.ts";
import { endSoon, eventsUnavailable, refusalAnswer, sendAnswer, unknownSandbox } from "./answers.ts";
import { codingOf, decoded } from "./decoded.ts";
import type { EgressParts } from "./parts.ts";
import { prepare, type Ready, type Visit } from "./prepare.ts";
import { pump } from "./pump.ts";
import { createRecord, type Record } from "./record.ts";

const nothing = Buffer.alloc(0);
const bodyBytesMax = 2 ** 31;
/** What the log of a host says of a client that did not wait. */
const clientGoneStatus = 499;
const bodilessMethods = new Set(["GET", "HEAD", "OPTIONS"]);

export async function forward(
  parts: EgressParts,
  visit: Visit,
  target: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { method = "", httpVersion, rawHeaders } = request;
  const record = createRecord(parts, { method, host: visit.host, target });
  const prepared = await prepare(parts, visit, { method, httpVersion, target, rawHeaders });
  if (prepared === "unknown") return sendAnswer(response, unknownSandbox, true);
  if ("refusal" in prepared) {
    sendAnswer(response, await refusalAnswer(parts, record, prepared.sandbox, prepared.refusal), hasBody(request));
    record.finish();
    return;
  }
  await exchange({ parts, visit, target, request, response, record, ready: prepared });
  record.finish();
}

interface Exchange {
  parts: EgressParts;
  visit: Visit;
  target: string;
  request: IncomingMessage;
  response: ServerResponse;
  record: Record;
  ready: Ready;
}

/** Resolves when the answer is over, whichever way. */
function exchange(given: Exchange): Promise<void> {
  const { parts, request, response, record, ready } = given;
  const { promise, resolve } = Promise.withResolvers<void>();
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

  /** Before the answer has begun it is said, afterwards the answer breaks off. */
  function fail(code: RefusalCode, secretId?: string): void {
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
    const about = secretId ?? ready.swaps[0]?.binding.secretId;
    void refusalAnswer(parts, record, ready.sandbox, { code, ...(about === undefined ? {} : { secretId: about }) })
      .then((answer) => sendAnswer(response, answer, true), parts.onUnexpectedError)
      .finally(over);
  }

  function count(side: "requestBytes" | "responseBytes", bytes: number): boolean {
    idle.refresh();
    record[side] += bytes;
    if (ready.meters.every((meter) => meter.addBytes(bytes))) return true;
    fail("byte_cap_reached");
    return false;
  }

  async function answer(incoming: IncomingMessage): Promise<void> {
    if (state !== "waiting") return;
    const status = incoming.statusCode ?? 0;
    if (status < 200) {
      fail("upstream_unreachable");
      return;
    }
    state = "answering";
    idle.refresh();
    const secretIds = ready.swaps.map(({ binding }) => binding.secretId);
    await record.write(ready.sandbox, { secretIds, status, upstreamStatus: status, errorCode: "" });
    if ((state as string) === "over") return;
    sendOn(incoming, status);
  }

  function sendOn(incoming: IncomingMessage, status: number): void {
    const { method = "" } = request;
    const isEmpty = method === "HEAD" || status === 204 || status === 304;
    const mayChange = ready.forms.length > 0 && !isEmpty;
    const coding = mayChange ? codingOf(incoming) : undefined;
    const source = coding === undefined ? incoming : decoded(incoming, coding);
    if (!source) {
      response.destroy();
      breakOff();
      return;
    }
    source.on("error", () => fail("upstream_unreachable"));
    incoming.on("close", () => incoming.complete || fail("upstream_unreachable"));
    const headers = responseHeaders(incoming.rawHeaders, mayChange).map((text) => scrubText(text, ready.forms));
    const kept = coding === undefined ? headers : without(headers, "content-encoding");
    const phrase = (incoming.statusMessage ?? "").replaceAll(/[^\t -~]/g, "");
    response.writeHead(status, scrubText(phrase, ready.forms), kept);
    // The head goes at once: what comes later may come much later. Not flushHeaders, which writes Latin-1 as UTF-8.
    response.write(nothing);
    const scrubber = createScrubber(ready.forms);
    pump(source, response, {
      each: (chunk) => {
        if (!count("responseBytes", chunk.byteLength)) return undefined;
        return mayChange ? scrubber.push(chunk) : chunk;
      },
      atEnd: () => (mayChange ? scrubber.end() : undefined),
    });
    response.on("finish", () => {
      // A connection whose request is whole is kept for the next one, and one whose request a host did not read is not.
      if (upstream?.writableFinished) over();
      else breakOff();
      if (request.complete) return;
      request.resume();
      endSoon(request.socket);
    });
  }

  function send(isRepeated: boolean): void {
    const sent = openUpstream(given);
    // Headers past a count would be dropped without a word, and with them what says how the body is coded.
    sent.maxHeadersCount = 0;
    upstream = sent;
    sent.on("response", (incoming) => {
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
      if (isStale && state === "waiting") {
        send(true);
        return;
      }
      const isRefused = error instanceof OutboundError && error.failure === "ADDRESS_REFUSED";
      const isLate = error.name === "TimeoutError";
      fail(isRefused ? "host_denied" : isLate ? "upstream_timeout" : "upstream_unreachable");
    });
    if (hasBody(request)) sendBody(sent);
    else sent.end();
  }

  function sendBody(sent: ClientRequest): void {
    const bindings = ready.sandbox.bindings;
    const find = createFinder(bindings.map(({ placeholder }) => placeholder));
    pump(request, sent, {
      each: (chunk) => {
        if (state === "over") return undefined;
        const found = find(chunk);
        if (found !== undefined) {
          const binding = bindings.find(({ placeholder }) => placeholder === found);
          fail(binding?.rule ? "credential_misplaced" : "credential_revoked", binding?.secretId);
          return undefined;
        }
        if (!count("requestBytes", chunk.byteLength)) return undefined;
        if (record.requestBytes <= bodyBytesMax) return chunk;
        fail("body_too_large");
        return undefined;
      },
      atEnd: () => undefined,
    });
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
    const secretIds = ready.swaps.map(({ binding }) => binding.secretId);
    const outcome = { secretIds, status: clientGoneStatus, upstreamStatus: undefined, errorCode: "" } as const;
    record.write(ready.sandbox, outcome).catch(parts.onUnexpectedError).finally(over);
  }

  response.on("close", gone);
  // While it was judged: nothing was sent, and nothing will be.
  if (response.closed) {
    gone();
    return promise;
  }
  for (const { binding } of ready.swaps) {
    parts.touchUsed({ workspaceId: ready.sandbox.workspaceId, secretId: binding.secretId });
  }
  if (Number(request.headers["content-length"] ?? 0) > bodyBytesMax) fail("body_too_large");
  else send(false);
  return promise;
}

function openUpstream({ parts, visit, target, request, ready }: Exchange): ClientRequest {
  const { host, port } = visit;
  const { method = "" } = request;
  return openRequest({
    agent: parts.upstreams.agentOf(ready.sandbox.sandboxId),
    host,
    port,
    method,
    path: target,
    setHost: false,
    headers: [...["Host", port === 443 ? host : `${host}:${port}`], ...ready.headers, ...framingOf(request)],
  });
}

/** Always said: the body of a request that says nothing would be a request of its own to the host. */
function framingOf({ headers, method = "" }: IncomingMessage): string[] {
  const { "transfer-encoding": coding, "content-length": length } = headers;
  if (coding !== undefined) return ["Transfer-Encoding", "chunked"];
  if (length !== undefined) return ["Content-Length", String(Number(length))];
  return bodilessMethods.has(method) ? [] : ["Content-Length", "0"];
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
}

function without(headers: readonly string[], name: string): string[] {
  return headers.filter((_, i) => headers[i - (i % 2)]?.toLowerCase() !== name);
}
