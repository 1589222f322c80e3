// Answers unary Connect requests directly, past the universal handler: strict input, exact errors, a fraction of the cost.
import {
  type DescMessage,
  type DescMethodUnary,
  type MessageShape,
  type Registry,
  toBinary,
  toJson,
} from "@bufbuild/protobuf";
import { invalidField } from "../../domain/error/errors.ts";
import type { Invoke } from "../../rpc/invoke.ts";
import { type BodyLimits, readBody } from "../body.ts";
import type { Answer, Exchange } from "../exchange.ts";
import { type JsonInput, readJsonMessage } from "../json/input.ts";
import { timeoutMsMax } from "../timeout.ts";
import { readBinaryMessage } from "./binary-input.ts";

export interface ConnectUnaryOptions {
  invoke: Invoke;
  bodyLimits: BodyLimits;
  /** For google.protobuf.Any. */
  registry?: Registry;
}

export type Codec = "json" | "proto";

/** The codec of a unary Connect request, or undefined when its content type is of another protocol. */
export function unaryCodec(contentType: string | null | undefined): Codec | undefined {
  const [, codec] = /^application\/(json|proto)(?:\s*;\s*charset="?utf-?8"?)?$/i.exec(contentType ?? "") ?? [];
  return codec?.toLowerCase() as Codec | undefined;
}

/** Answers a POST. Throws CofferError, or something unforeseen. */
export async function answerConnectUnary(
  options: ConnectUnaryOptions,
  method: DescMethodUnary,
  codec: Codec,
  exchange: Exchange,
): Promise<Answer> {
  checkProtocolVersion(exchange.headers);
  const bytes = await readBody(exchange.request, options.bodyLimits);
  return answerMessage(options, method, codec, exchange, bytes);
}

/** Answers a request whose message has been read, however it came. */
export async function answerMessage(
  options: ConnectUnaryOptions,
  method: DescMethodUnary,
  codec: Codec,
  exchange: Exchange,
  bytes: Uint8Array,
): Promise<Answer> {
  const timeoutMs = readTimeoutMs(exchange.headers);
  const { message, shape } = decode(options, method, codec, bytes);
  const call = { protocolName: "connect", source: exchange, timeoutMs, shape } as const;
  const result = await options.invoke(method, message, call);
  const headers: Record<string, string> = {};
  for (const [name, value] of result.header) headers[name] = value;
  for (const [name, value] of result.trailer) headers[`trailer-${name}`] = value;
  headers["content-type"] = `application/${codec}`;
  return { status: 200, headers, body: encode(options, method, codec, result.message) };
}

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
  options: ConnectUnaryOptions,
  method: DescMethodUnary,
  codec: Codec,
  bytes: Uint8Array,
): Pick<JsonInput, "message"> & Partial<JsonInput> {
  if (codec === "json") return readJsonMessage(method.input, bytes, options.registry);
  return { message: readBinaryMessage(method.input, bytes) };
}

function encode(
  options: ConnectUnaryOptions,
  method: DescMethodUnary,
  codec: Codec,
  message: MessageShape<DescMessage>,
): Uint8Array | string {
  if (codec === "proto") return toBinary(method.output, message);
  return JSON.stringify(
    toJson(method.output, message, options.registry === undefined ? {} : { registry: options.registry }),
  );
}
