// Answers unary Connect requests without Connect's universal handler: with stricter input checks, exact errors and less work.
import type { DescMessage, DescMethodUnary, Message } from "@bufbuild/protobuf";
import { recordOf } from "../../call/header-map.ts";
import type { Answer, HttpCall } from "../../call/http-call.ts";
import { type Invoke, timeoutMsMax } from "../../call/invoke.ts";
import { type JsonInput, readJsonMessage } from "../../call/json/input.ts";
import { type JsonStyle, jsonWriter } from "../../call/json/writer.ts";
import { writeBinary } from "../../call/schema/frozen-messages.ts";
import { invalidField } from "../../domain/error/errors.ts";
import { type BodyLimits, readBody } from "../body/read-body.ts";
import { readBinaryMessage } from "./binary-input.ts";

export interface UnaryOptions {
  invoke: Invoke;
  bodyLimits: BodyLimits;
}

export type Codec = "json" | "proto";

/** Returns the codec of a unary Connect request; undefined if its content type belongs to another protocol. */
export function unaryCodec(contentType: string | null | undefined): Codec | undefined {
  // The usual forms.
  if (contentType === "application/json") return "json";
  if (contentType === "application/proto") return "proto";
  const [, codec] = /^application\/(json|proto)(?:\s*;\s*charset="?utf-?8"?)?$/i.exec(contentType ?? "") ?? [];
  return codec?.toLowerCase() as Codec | undefined;
}

/** Answers a POST. Throws CofferError, or an unexpected error. */
export async function answerConnectUnary(
  options: UnaryOptions,
  method: DescMethodUnary,
  codec: Codec,
  call: HttpCall,
): Promise<Answer> {
  checkProtocolVersion(call.headers);
  const bytes = await readBody(call.request, options.bodyLimits);
  return answerMessage(options, method, codec, call, bytes);
}

/** Answers a request whose message was in the body or in the query. */
export async function answerMessage(
  options: UnaryOptions,
  method: DescMethodUnary,
  codec: Codec,
  call: HttpCall,
  bytes: Uint8Array,
): Promise<Answer> {
  const timeoutMs = readTimeoutMs(call.headers);
  const { message, shape } = decode(method, codec, bytes);
  const request = { protocolName: "connect", source: call, timeoutMs, shape } as const;
  const result = await options.invoke(method, message, request);
  const headers = recordOf(result.header);
  for (const [name, value] of result.trailer ?? []) headers[`trailer-${name}`] = value;
  headers["content-type"] = contentTypes[codec];
  return { status: 200, headers, body: encode(method, codec, result.message) };
}

const contentTypes: Readonly<Record<Codec, string>> = { json: "application/json", proto: "application/proto" };

function checkProtocolVersion(headers: Headers): void {
  const version = headers.get("connect-protocol-version");
  if (version !== null && version !== "1") throw invalidField("connect-protocol-version", 'must be "1"');
}

function readTimeoutMs(headers: Headers): number | undefined {
  const text = headers.get("connect-timeout-ms");
  if (text === null) return undefined;
  if (!/^\d{1,10}$/.test(text)) throw invalidField("connect-timeout-ms", "must be a number of at most 10 digits");
  return Math.min(Number(text), timeoutMsMax);
}

function decode(
  method: DescMethodUnary,
  codec: Codec,
  bytes: Uint8Array,
): Pick<JsonInput, "message"> & Partial<JsonInput> {
  if (codec === "json") return readJsonMessage(method.input, bytes);
  return { message: readBinaryMessage(method.input, bytes) };
}

function encode(method: DescMethodUnary, codec: Codec, message: Message): Uint8Array | string {
  return codec === "proto" ? writeBinary(method.output, message) : writeJson(method.output, message);
}

const protoJson: JsonStyle = { fieldNames: "json", writesDefaults: false, nullWhenUnset: false };
const writers = new WeakMap<DescMessage, (message: Message) => string>();

function writeJson(desc: DescMessage, message: Message): string {
  let write = writers.get(desc);
  if (!write) {
    write = jsonWriter(desc, protoJson);
    writers.set(desc, write);
  }
  return write(message);
}
