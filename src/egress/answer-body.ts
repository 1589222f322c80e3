// Passes a host's answer to the sandbox. If it may hold a value, it is decompressed and the placeholder replaces the value.
import type { IncomingMessage, ServerResponse } from "node:http";
import { responseHeaders } from "../domain/egress/forwarded-headers.ts";
import type { ScrubForm } from "../domain/egress/scrub-forms.ts";
import { createScrubber, scrubText } from "../domain/egress/scrubber.ts";
import { codingOf, decoded } from "./decoded.ts";
import { pump } from "./pump.ts";

const nothing = Buffer.alloc(0);

export interface AnswerFlow {
  method: string | undefined;
  forms: readonly ScrubForm[];
  /** How long the start of a possible value waits for its rest. */
  heldMs: number;
  /** Returns false when no more may go through. */
  count(bytes: number): boolean;
  onBroken(): void;
}

/** Whether the answer is server-sent events, which may be silent for hours. */
export function isEventStream({ headers }: IncomingMessage): boolean {
  return /^text\/event-stream\s*(?:;|$)/i.test(headers["content-type"] ?? "");
}

/** Sends the head in this turn of the event loop and the body as it comes. Fails when the head cannot be written as HTTP. */
export function passAnswer(
  incoming: IncomingMessage,
  response: ServerResponse,
  { method, forms, heldMs, count, onBroken }: AnswerFlow,
): void {
  const { statusCode: status = 0, statusMessage = "" } = incoming;
  const isEmpty = method === "HEAD" || status === 204 || status === 304;
  const mayChange = forms.length > 0 && !isEmpty;
  const coding = mayChange ? codingOf(incoming) : undefined;
  const source = coding === undefined ? incoming : decoded(incoming, coding);
  if (!source) {
    onBroken();
    return;
  }
  source.on("error", onBroken);
  incoming.on("close", () => incoming.complete || onBroken());
  const headers = responseHeaders(incoming.rawHeaders, mayChange).map((text) => scrubText(text, forms));
  const kept = coding === undefined ? headers : without(headers, "content-encoding");
  const phrase = statusMessage.replaceAll(/[^\t -~]/g, "");
  // While the event was written, a short body has arrived. Head and body then leave in one piece.
  response.cork();
  setImmediate(() => response.writableEnded || response.uncork());
  response.writeHead(status, scrubText(phrase, forms), kept);
  // Sends the head in this turn, because the body may come much later. flushHeaders would write Latin-1 as UTF-8.
  response.write(nothing);
  if (!mayChange) {
    pump(source, response, { each: (chunk) => (count(chunk.byteLength) ? chunk : undefined) });
    return;
  }
  const scrubber = createScrubber(forms);
  pump(source, response, {
    each: (chunk) => (count(chunk.byteLength) ? scrubber.push(chunk) : undefined),
    afterPause: { ms: heldMs, rest: scrubber.pause },
    atEnd: scrubber.end,
  });
}

function without(headers: readonly string[], name: string): string[] {
  return headers.filter((_, i) => headers[i - (i % 2)]?.toLowerCase() !== name);
}
