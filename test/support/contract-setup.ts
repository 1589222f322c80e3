// Holds every REST answer that a coffer of this process gives, and every one that tests fetch, against the contracts.
import { channel } from "node:diagnostics_channel";
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import { afterEach } from "vitest";
import { type AnswerSeen, brokenRules } from "./contracts.ts";

interface Seen {
  /** Answers that were held against a contract. */
  checked: number;
  broken: Set<string>;
}

// Files share a process, which runs this file once for each of them.
const seenKey = Symbol.for("coffer.test.contracts");
const shared = globalThis as { [seenKey]?: Seen };
const isFirst = shared[seenKey] === undefined;
const seen = shared[seenKey] ?? { checked: 0, broken: new Set() };
shared[seenKey] = seen;

/** How many answers were held against a contract so far. */
export function answersChecked(): number {
  return seen.checked;
}

function check(answer: AnswerSeen): void {
  const rules = brokenRules(answer);
  if (rules === undefined) return;
  seen.checked++;
  if (rules.length === 0) return;
  const shown = rules.slice(0, 5).join("\n    ");
  seen.broken.add(`${answer.method} ${answer.path} ${answer.status}:\n    ${shown}\n    ${answer.body.slice(0, 300)}`);
}

/** Only coffer's own servers give every answer an id. */
const cofferHeader = "x-request-id";

/** The id that servers with a made-up application give every answer, which is under no contract. */
export const madeUpRequestId = "req_test";

function isUnderContract(requestId: unknown): boolean {
  return typeof requestId === "string" && requestId !== madeUpRequestId;
}

function watchAnswer(request: IncomingMessage, response: ServerResponse): void {
  let headers: OutgoingHttpHeaders = {};
  const writeHead = response.writeHead.bind(response);
  const end = response.end.bind(response);
  response.writeHead = ((status: number, given: OutgoingHttpHeaders, ...rest: never[]) => {
    if (typeof given === "object") headers = given;
    return writeHead(status, given as never, ...rest);
  }) as typeof response.writeHead;
  response.end = ((body?: unknown, ...rest: never[]) => {
    if (isUnderContract(headers[cofferHeader])) {
      check({
        method: request.method ?? "",
        path: (request.url ?? "").split("?", 1)[0] ?? "",
        status: response.statusCode,
        contentType: headers["content-type"] as string | undefined,
        body: typeof body === "string" ? body : body instanceof Uint8Array ? Buffer.from(body).toString() : "",
      });
    }
    return end(body as never, ...rest);
  }) as typeof response.end;
}

/** For servers in other processes. */
function watchFetch(): void {
  const { fetch } = globalThis;
  globalThis.fetch = async (...args) => {
    const response = await fetch(...args);
    const { hostname, pathname } = new URL(response.url || "http://none.invalid");
    if (!isUnderContract(response.headers.get(cofferHeader)) || !/^(?:127\.|\[::1\]|localhost)/.test(hostname))
      return response;
    const method = args[1]?.method ?? (args[0] instanceof Request ? args[0].method : "GET");
    const contentType = response.headers.get("content-type") ?? undefined;
    const answer = { method: method.toUpperCase(), path: pathname, status: response.status, contentType };
    if (brokenRules({ ...answer, body: "" }) !== undefined) {
      void response
        .clone()
        .text()
        .then((body) => check({ ...answer, body }))
        // The test that sent it sees that the answer broke off.
        .catch(() => {});
    }
    return response;
  };
}

if (isFirst) {
  channel("http.server.request.start").subscribe((message) => {
    const { request, response } = message as { request: IncomingMessage; response: ServerResponse };
    watchAnswer(request, response);
  });
  watchFetch();
}

afterEach(() => {
  if (seen.broken.size === 0) return;
  const answers = [...seen.broken];
  seen.broken.clear();
  throw new Error(`${answers.length} answers break their contract:\n  ${answers.slice(0, 5).join("\n  ")}`);
});
