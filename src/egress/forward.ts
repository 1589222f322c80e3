// One request of a sandbox, from its head to the end of its answer; both bodies stream, and nothing is followed.
import type { IncomingMessage, ServerResponse } from "node:http";
import { refusalAnswer, sendAnswer } from "./answers.ts";
import { exchange } from "./exchange.ts";
import type { EgressParts } from "./parts.ts";
import { prepare, type Visit } from "./prepare.ts";
import { createRecord } from "./record.ts";
import { hasBody } from "./upstream-request.ts";

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
  if ("answer" in prepared) return sendAnswer(response, prepared.answer, true);
  if ("refusal" in prepared) {
    sendAnswer(response, await refusalAnswer(parts, record, prepared.sandbox, prepared.refusal), hasBody(request));
  } else {
    await exchange({ parts, visit, target, request, response, record, ready: prepared });
  }
  record.finish();
}
