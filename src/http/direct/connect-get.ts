// Answers Connect GET requests: unary methods without side effects, whose message is in the query.
import type { DescMethodUnary } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import type { Answer, HttpCall } from "../../call/http-call.ts";
import { CofferError, invalidField } from "../../domain/error/errors.ts";
import { inflate } from "../body/inflate.ts";
import { answerMessage, type Codec, type UnaryOptions } from "./connect-unary.ts";

/** Returns whether a method may be called with GET. */
export function allowsGet(method: DescMethodUnary): boolean {
  return method.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS;
}

/** Throws CofferError, or an unexpected error. */
export async function answerConnectGet(
  options: UnaryOptions,
  method: DescMethodUnary,
  call: HttpCall,
): Promise<Answer> {
  const query = new URLSearchParams(call.query);
  const version = query.get("connect");
  if (version !== null && version !== "v1") throw invalidField("connect", 'must be "v1"');
  const codec = readCodec(query.get("encoding"));
  const sent = readMessage(query);
  const { sizeBytesMax } = options.bodyLimits;
  const bytes = await inflate(sent, query.get("compression") || "identity", {
    sizeBytesMax,
    acceptHeader: "accept-encoding",
  });
  return answerMessage(options, method, codec, call, bytes);
}

function readCodec(encoding: string | null): Codec {
  if (encoding === "json" || encoding === "proto") return encoding;
  throw new CofferError("UNSUPPORTED_MEDIA_TYPE", "the parameter encoding must be json or proto");
}

/** The message is in URL-safe base64, padded or not, if the query has `base64=1`. */
function readMessage(query: URLSearchParams): Uint8Array {
  const text = query.get("message") ?? "";
  if (query.get("base64") !== "1") return new TextEncoder().encode(text);
  const unpadded = text.replace(/={1,2}$/, "");
  const bytes = Buffer.from(unpadded, "base64url");
  if (bytes.toString("base64url") !== unpadded) throw invalidField("message", "must be URL-safe base64");
  return bytes;
}
