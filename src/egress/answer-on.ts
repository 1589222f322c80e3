// The answer of a host on its way to the sandbox: unpacked where it may hold a value, and with the placeholder in the value's place.
import type { IncomingMessage } from "node:http";
import { responseHeaders } from "../domain/egress/forwarded-headers.ts";
import { createScrubber, scrubText } from "../domain/egress/scrubber.ts";
import { codingOf, decoded } from "./decoded.ts";
import type { Course, Exchange } from "./exchange.ts";
import { pump } from "./pump.ts";

const nothing = Buffer.alloc(0);

/** Server-sent events: such an answer may be silent for hours. */
export function isEventStream({ headers }: IncomingMessage): boolean {
  return /^text\/event-stream\s*(?:;|$)/i.test(headers["content-type"] ?? "");
}

/** Sends the head at once, and the body as it comes. */
export function answerOn(
  { parts, request, response, ready }: Exchange,
  incoming: IncomingMessage,
  course: Course,
): void {
  const { statusCode: status = 0, statusMessage = "" } = incoming;
  const { forms } = ready;
  const isEmpty = request.method === "HEAD" || status === 204 || status === 304;
  const mayChange = forms.length > 0 && !isEmpty;
  const coding = mayChange ? codingOf(incoming) : undefined;
  const source = coding === undefined ? incoming : decoded(incoming, coding);
  if (!source) {
    response.destroy();
    course.breakOff();
    return;
  }
  source.on("error", () => course.fail("upstream_unreachable"));
  incoming.on("close", () => incoming.complete || course.fail("upstream_unreachable"));
  const headers = responseHeaders(incoming.rawHeaders, mayChange).map((text) => scrubText(text, forms));
  const kept = coding === undefined ? headers : without(headers, "content-encoding");
  const phrase = statusMessage.replaceAll(/[^\t -~]/g, "");
  response.writeHead(status, scrubText(phrase, forms), kept);
  // The head goes at once: what comes later may come much later. Not flushHeaders, which writes Latin-1 as UTF-8.
  response.write(nothing);
  if (!mayChange) {
    pump(source, response, { each: (chunk) => (course.count("responseBytes", chunk.byteLength) ? chunk : undefined) });
    return;
  }
  const scrubber = createScrubber(forms);
  pump(source, response, {
    each: (chunk) => (course.count("responseBytes", chunk.byteLength) ? scrubber.push(chunk) : undefined),
    afterPause: { ms: parts.timeouts.heldMs, rest: scrubber.pause },
    atEnd: scrubber.end,
  });
}

function without(headers: readonly string[], name: string): string[] {
  return headers.filter((_, i) => headers[i - (i % 2)]?.toLowerCase() !== name);
}
